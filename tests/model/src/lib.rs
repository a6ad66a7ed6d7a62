//! Random, adversarial work on Taper's engine, watched by an auditor.
//!
//! A generator ([`generate`]) proposes operations ([`op`]): whatever the program offers, by many accounts on several markets, with prices
//! that jump, go stale or make no sense, and arguments at the edges of their types. The engine carries them out as the program's handlers
//! would ([`engine_world`]). The auditor keeps its own books ([`ledger`]), written from `docs/spec.md` alone, and predicts what each
//! operation does, or why it is refused; who may sign, roles and proposals are the program's
//! ([`roles`]). After every operation both are compared ([`compare`]) and the invariants checked
//! ([`invariants`]). At the end of a run strangers resolve whoever is bankrupt ([`ruin`]) and
//! help whoever is unhealthy ([`rescue`]). What fails is shrunk to a few operations ([`shrink`]). [`fuzz`] is the same from the bytes of a coverage-guided fuzzer.

pub mod compare;
pub mod engine_world;
pub mod fuzz;
pub mod generate;
pub mod invariants;
pub mod ledger;
pub mod op;
pub mod outside;
pub mod rescue;
pub mod roles;
pub mod ruin;
pub mod run;
pub mod shrink;
