//! The liquidator of Taper: it watches every margin account of an exchange and earns by tapering the unhealthy ones.
//!
//! The core (everything but [`io`], [`metrics`] and [`dashboard`]) is pure: bytes go in, decisions come out. All risk arithmetic is the engine's.
#![deny(missing_docs)]
pub mod action;
pub mod config;
pub mod dashboard;
pub mod decide;
pub mod desk;
pub mod io;
pub mod ledger;
pub mod limits;
pub mod metrics;
pub mod outcome;
pub mod store;
pub mod wallet;
