//! Everything that talks to a node. It decides nothing: what arrives goes to the store and the desk, what the desk starts is carried out.

pub mod bot;
pub mod call;
pub mod chain;
pub mod feed;
pub mod knowledge;
pub mod patience;
pub mod send;
pub mod watch;
