//! Test cases: a file per instruction, and stories.

mod story_long;
