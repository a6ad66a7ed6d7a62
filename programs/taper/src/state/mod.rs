//! Account layouts. Little-endian, `repr(C)`, aligned to 8, every byte accounted for.

mod exchange;
mod known;
mod margin_account;
mod market;
mod order_book;
mod proposal;

pub use exchange::*;
pub use known::*;
pub use margin_account::*;
pub use market::*;
pub use order_book::*;
pub use proposal::*;

/// Asserts, at compile time and on every target, the size of an account and the offset of each of its fields.
macro_rules! assert_layout {
    ($name:ident, $size:expr, { $($field:ident: $offset:expr),* $(,)? }) => {
        const _: () = {
            assert!(core::mem::size_of::<$name>() == $size);
            assert!(core::mem::align_of::<$name>() <= 8);
            $(assert!(core::mem::offset_of!($name, $field) == $offset);)*
        };
        impl $name {
            /// Bytes of the whole account: discriminator and body.
            pub const SPACE: usize = 8 + core::mem::size_of::<Self>();
        }
    };
}
pub(crate) use assert_layout;
