//! Whether parameters can drain their market: what they claim, price paths that test the claim, and the search for the mildest path that
//! breaks it. The engine decides, in the laboratory's world.

pub mod claim;
pub mod path;
pub mod search;
pub mod trial;
