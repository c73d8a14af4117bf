//! Certificates, their keys, and who vouches for them.

mod dates;
mod files;

pub(crate) use dates::{Dates, now};
pub(crate) use files::{
    at, certified_key, complete, files_of, provider, read_authorities, read_revoked, versions,
};
