//! Brings a cluster to the state that a TOML file describes. The plan is computed from what is and what should be, shown, and carried out step by
//! step; after each round the cluster is read anew. When nothing is left to do, nothing is done.
#![deny(missing_docs)]

pub mod desired;
pub mod execute;
pub mod plan;
pub mod program;
