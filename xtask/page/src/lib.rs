//! What the two programs of this crate share.

pub mod modern;
pub mod order;
pub mod shorten;
pub mod slim;
pub mod start;
