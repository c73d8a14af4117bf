//! What is on the screen. Components take props and give callbacks; none of
//! them knows the client, and each is drawn again only when its props change.

mod app;
mod badge_card;
mod banner;
mod broker;
mod card;
mod chart;
mod chart_view;
mod clients;
mod code;
mod confirm;
mod connection;
mod control;
mod desk;
mod edit;
mod field;
mod foot;
mod group;
mod guide;
mod header;
mod home;
mod hooks;
mod icons;
mod log;
mod log_card;
mod login;
mod nav;
mod number_card;
mod publish;
mod qr;
mod shared;
mod sight;
mod sparkline;
mod text_card;
mod topic_detail;
mod topic_tree;
mod topics;
mod turns;
mod window;

pub(crate) use app::App;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
