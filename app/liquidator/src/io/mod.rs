//! Everything that talks to a node. It decides nothing: what arrives goes to the store and the desk, what the desk starts is carried out.

pub mod bot;
pub mod chain;
pub mod feed;
pub mod patience;
pub mod send;
