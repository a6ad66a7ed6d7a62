//! Test cases: a file per instruction or group of them, and stories. One binary, to link once.

mod absorb;
mod accounts;
mod attacks_bad_debt;
mod cancel_order;
mod cash;
mod episodes;
mod exchange;
mod funding;
mod governance;
mod harness;
mod legs;
mod market_life;
mod oracle;
mod oracle_modes;
mod partial_liquidate;
mod place_order;
mod stories;
mod story_jump;
mod story_long;
mod substitution;
mod support;
mod workload;
mod wrong_accounts;
