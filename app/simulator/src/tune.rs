//! Searches parameters on some events and reports on others: what is searched, how candidates are judged, and the search itself.

pub mod judge;
pub mod search;
pub mod space;
