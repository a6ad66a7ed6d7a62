//! Attacks on what happens when money runs out. Each searches for the attacker's best path, and states the bound that it finds it within.

#[path = "attacks_bad_debt/cross.rs"]
mod cross;
#[path = "attacks_bad_debt/drift.rs"]
mod drift;
#[path = "attacks_bad_debt/dust.rs"]
mod dust;
#[path = "attacks_bad_debt/funding.rs"]
mod funding;
#[path = "attacks_bad_debt/gate.rs"]
mod gate;
#[path = "attacks_bad_debt/jump.rs"]
mod jump;
#[path = "attacks_bad_debt/paint.rs"]
mod paint;
#[path = "attacks_bad_debt/pump.rs"]
mod pump;
#[path = "attacks_bad_debt/ranks.rs"]
mod ranks;
#[path = "attacks_bad_debt/reorder.rs"]
mod reorder;
#[path = "attacks_bad_debt/rig.rs"]
mod rig;
#[path = "attacks/search.rs"]
mod search;
#[path = "attacks_bad_debt/settle.rs"]
mod settle;
#[path = "attacks_bad_debt/sharing.rs"]
mod sharing;
#[path = "attacks_bad_debt/shell.rs"]
mod shell;
#[path = "attacks_bad_debt/story.rs"]
mod story;
#[path = "attacks_bad_debt/waits.rs"]
mod waits;
