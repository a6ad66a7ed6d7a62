//! Assertions on refusals, exact to the code.

use taper::error::TaperError;

use crate::error::{HarnessError, Refusal, Result};

/// For results that must be refusals.
pub trait ExpectRefusal {
    /// The refusal; panics if the call succeeded or failed otherwise.
    fn expect_refusal(self) -> Refusal;

    /// Panics unless the call was refused with exactly this error of the program.
    fn expect_error(self, error: TaperError);

    /// Panics unless the call was refused with exactly this custom code (of the framework, or of the token program).
    fn expect_code(self, code: u32);
}

impl<T> ExpectRefusal for Result<T> {
    #[track_caller]
    fn expect_refusal(self) -> Refusal {
        match self {
            Err(HarnessError::Refused(refusal)) => *refusal,
            Err(other) => panic!("not a refusal but: {other}"),
            Ok(_) => panic!("it was not refused"),
        }
    }

    #[track_caller]
    fn expect_error(self, error: TaperError) {
        let refusal = self.expect_refusal();
        assert_eq!(refusal.name(), error.name(), "logs: {:#?}", refusal.logs);
        assert_eq!(refusal.code, Some(u32::from(error)));
    }

    #[track_caller]
    fn expect_code(self, code: u32) {
        let refusal = self.expect_refusal();
        assert_eq!(refusal.code, Some(code), "{}; logs: {:#?}", refusal.name(), refusal.logs);
    }
}
