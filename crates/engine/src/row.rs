//! How a row of an account is declared: `repr(C)`, plain old data, and described in the IDL when that is being generated.

/// Declares a `repr(C)` plain-old-data struct that lives inside an account.
macro_rules! row {
    ($(#[$doc:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$doc])*
        #[cfg_attr(feature = "idl-build", anchor_lang::prelude::zero_copy)]
        #[cfg_attr(not(feature = "idl-build"), derive(Clone, Copy))]
        #[cfg_attr(not(feature = "idl-build"), derive(bytemuck::Pod, bytemuck::Zeroable))]
        #[repr(C)]
        pub struct $name { $($body)* }
    };
}
pub(crate) use row;

/// Asserts, at compile time and on every target, the size of a row and the offset of each of its fields.
macro_rules! assert_layout {
    ($name:ident, $size:expr, { $($field:ident: $offset:expr),* $(,)? }) => {
        const _: () = {
            assert!(core::mem::size_of::<$name>() == $size);
            assert!(core::mem::align_of::<$name>() <= 8);
            $(assert!(core::mem::offset_of!($name, $field) == $offset);)*
        };
    };
}
pub(crate) use assert_layout;
