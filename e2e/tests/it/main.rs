//! See the crate's documentation. One program for all tests, so that they run
//! side by side.

mod accessibility;
mod bridges;
mod broker;
mod charts;
mod configs;
mod errors;
mod home;
mod interop;
mod led;
mod log_lines;
mod network;
mod older;
mod outage;
mod package;
mod page;
mod passwords;
mod publish;
mod readme;
mod rules;
mod scripts;
mod sessions;
mod states;
mod store;
mod tls;
mod topics;
mod views;
mod watch;
mod web;
mod widgets;
mod worker;
