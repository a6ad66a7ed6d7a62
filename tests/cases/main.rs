//! Test cases: a file per instruction or group of them, and stories. One binary, to link once.

mod accounts;
mod cancel_order;
mod cash;
mod episodes;
mod exchange;
mod partial_liquidate;
mod place_order;
mod story_long;
mod support;
