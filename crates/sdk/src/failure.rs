//! Why a transaction failed: which instruction, which program, and what that program meant by its code.
//!
//! A custom code means nothing without the program that gave it: `1` is "insufficient funds" of a token program and
//! nothing at all of ours. The transaction's error names only the top-level instruction; the logs name the program.

use core::fmt;

use solana_instruction_error::InstructionError;
use solana_pubkey::{pubkey, Pubkey};
use solana_transaction_error::TransactionError;
use spl_token_interface::error::TokenError;
use taper::error::TaperError;

use crate::error::{name, of_code};
use crate::event::first_failure;
use crate::instruction::SYSTEM_PROGRAM;

/// The token programs whose codes are known.
pub const TOKEN_PROGRAMS: [Pubkey; 2] =
    [pubkey!("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"), pubkey!("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")];

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// This program refused.
    Taper(TaperError),
    /// The Anchor framework refused on this program's behalf: a wrong, missing or unsigned account.
    Framework {
        /// Its code.
        code: u32,
        /// Its name, if this version knows it.
        name: Option<String>,
    },
    /// A token program refused.
    Token(TokenError),
    /// The system program refused: an address in use, or too few lamports.
    System {
        /// Its code: 0 the account is in use, 1 too few lamports.
        code: u32,
    },
    /// Another program's code, or one that this version does not know.
    Custom {
        /// The code.
        code: u32,
    },
    /// The compute units did not suffice.
    OutOfComputeUnits,
    /// The runtime refused an instruction.
    Runtime(InstructionError),
    /// The transaction as a whole was refused before any instruction: an old blockhash, no funds for the fee, a missing account.
    Transaction(TransactionError),
}

/// A failed transaction, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Place of the instruction in the transaction, from zero; `None` when none was run.
    pub instruction: Option<u8>,
    /// The program that refused: the innermost that failed.
    pub program: Option<Pubkey>,
    /// The account that Anchor blames, by its name in the instruction.
    pub account: Option<String>,
    /// Why.
    pub cause: Cause,
}

impl Failure {
    /// The program's own error, if that is what it is. What a liquidator looks at: `AccountHealthy`, `UnexpectedBase` and their like are lost
    /// races.
    pub fn taper(&self) -> Option<TaperError> {
        match self.cause {
            Cause::Taper(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taper(error) => write!(out, "{error} ({})", error.name()),
            Self::Framework { code, name: Some(name) } => {
                write!(out, "the framework refused an account: {name} ({code})")
            }
            Self::Framework { code, name: None } => write!(out, "the framework refused, code {code}"),
            Self::Token(error) => write!(out, "token program: {error}"),
            Self::System { code: 0 } => write!(out, "system program: the account exists already"),
            Self::System { code: 1 } => write!(out, "system program: too few lamports"),
            Self::System { code } => write!(out, "system program: code {code}"),
            Self::Custom { code } => write!(out, "code {code}"),
            Self::OutOfComputeUnits => write!(out, "the compute units did not suffice"),
            Self::Runtime(error) => write!(out, "{error}"),
            Self::Transaction(error) => write!(out, "{error}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(instruction) = self.instruction {
            write!(out, "instruction {instruction}: ")?;
        }
        write!(out, "{}", self.cause)?;
        if let Some(account) = &self.account {
            write!(out, "; account: {account}")?;
        }
        match self.program {
            Some(program) if program != crate::PROGRAM_ID => write!(out, "; program: {program}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// Explains a failure. `top_level` names the programs of the transaction's instructions, in order, for the case that the logs were cut.
///
/// ```
/// use solana_instruction_error::InstructionError;
/// use solana_transaction_error::TransactionError;
/// use taper_sdk::{failure, PROGRAM_ID};
///
/// let error = TransactionError::InstructionError(1, InstructionError::Custom(6_034));
/// let logs = [format!("Program {PROGRAM_ID} invoke [1]"), format!("Program {PROGRAM_ID} failed: custom program error: 0x1792")];
/// let failure = failure::explain(&error, &logs, &[]);
/// assert_eq!(failure.taper(), Some(taper::error::TaperError::AccountHealthy));
/// ```
pub fn explain<S: AsRef<str>>(error: &TransactionError, logs: &[S], top_level: &[Pubkey]) -> Failure {
    let TransactionError::InstructionError(index, inner) = error else {
        return Failure { instruction: None, program: None, account: None, cause: Cause::Transaction(error.clone()) };
    };
    let logged = first_failure(logs);
    let program = logged.as_ref().map(|(program, _)| *program).or_else(|| top_level.get(usize::from(*index)).copied());
    let out_of_units = matches!(inner, InstructionError::ComputationalBudgetExceeded)
        || logged.as_ref().is_some_and(|(_, reason)| reason.contains("exceeded CUs meter"));
    let cause = match inner {
        _ if out_of_units => Cause::OutOfComputeUnits,
        InstructionError::Custom(code) => cause_of(*code, program.as_ref()),
        other => Cause::Runtime(other.clone()),
    };
    Failure { instruction: Some(*index), program, account: blamed_account(logs), cause }
}

fn cause_of(code: u32, program: Option<&Pubkey>) -> Cause {
    match program {
        Some(program) if *program == crate::PROGRAM_ID => match of_code(code) {
            Some(error) => Cause::Taper(error),
            None if (100..6_000).contains(&code) => Cause::Framework { code, name: name(code) },
            None => Cause::Custom { code },
        },
        Some(program) if TOKEN_PROGRAMS.contains(program) => match TokenError::try_from(code) {
            Ok(error) => Cause::Token(error),
            Err(_) => Cause::Custom { code },
        },
        Some(program) if *program == SYSTEM_PROGRAM => Cause::System { code },
        _ => Cause::Custom { code },
    }
}

/// `AnchorError caused by account: NAME. Error Code: ...`, in the frame of our program.
fn blamed_account<S: AsRef<str>>(logs: &[S]) -> Option<String> {
    let told = logs
        .iter()
        .rev()
        .find_map(|line| line.as_ref().strip_prefix("Program log: AnchorError caused by account: "))?;
    told.split_once(". ").map(|(account, _)| account.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(code: u32) -> TransactionError {
        TransactionError::InstructionError(2, InstructionError::Custom(code))
    }

    fn failed(program: &Pubkey, code: u32) -> Vec<String> {
        vec![
            format!("Program {} invoke [1]", crate::PROGRAM_ID),
            format!("Program {program} invoke [2]"),
            format!("Program {program} failed: custom program error: {code:#x}"),
            format!("Program {} failed: custom program error: {code:#x}", crate::PROGRAM_ID),
        ]
    }

    #[test]
    fn the_same_code_means_what_the_innermost_program_means_by_it() {
        let token = TOKEN_PROGRAMS[0];
        let failure = explain(&custom(1), &failed(&token, 1), &[]);
        assert_eq!(failure.cause, Cause::Token(TokenError::InsufficientFunds));
        assert_eq!((failure.instruction, failure.program), (Some(2), Some(token)));
        assert_eq!(explain(&custom(1), &failed(&SYSTEM_PROGRAM, 1), &[]).cause, Cause::System { code: 1 });
        let stranger = Pubkey::new_from_array([9; 32]);
        assert_eq!(explain(&custom(6_000), &failed(&stranger, 6_000), &[]).cause, Cause::Custom { code: 6_000 });
    }

    #[test]
    fn without_logs_the_top_level_program_gives_the_code_its_meaning() {
        let programs = [SYSTEM_PROGRAM, SYSTEM_PROGRAM, crate::PROGRAM_ID];
        let failure = explain::<&str>(&custom(u32::from(TaperError::AccountHealthy)), &[], &programs);
        assert_eq!(failure.taper(), Some(TaperError::AccountHealthy));
        assert_eq!(explain::<&str>(&custom(6_000), &[], &[]).cause, Cause::Custom { code: 6_000 });
        assert_eq!(
            failure.to_string(),
            "instruction 2: Health is not below 1 and no episode is running (AccountHealthy)"
        );
    }

    #[test]
    fn the_framework_names_the_account_that_it_blames() {
        let ours = crate::PROGRAM_ID;
        let logs = [
            format!("Program {ours} invoke [1]"),
            "Program log: AnchorError caused by account: margin_account. Error Code: AccountOwnedByWrongProgram. Error Number: 3007."
                .to_owned(),
            format!("Program {ours} failed: custom program error: 0xbbf"),
        ];
        let failure = explain(&custom(3_007), &logs, &[]);
        assert_eq!(failure.account.as_deref(), Some("margin_account"));
        assert_eq!(
            failure.cause,
            Cause::Framework { code: 3_007, name: Some("AccountOwnedByWrongProgram".to_owned()) }
        );
    }

    #[test]
    fn too_few_compute_units_are_told_from_a_fault() {
        let ours = crate::PROGRAM_ID;
        let logs = [
            format!("Program {ours} invoke [1]"),
            format!("Program {ours} failed: exceeded CUs meter at BPF instruction"),
        ];
        let error = TransactionError::InstructionError(0, InstructionError::ProgramFailedToComplete);
        assert_eq!(explain(&error, &logs, &[]).cause, Cause::OutOfComputeUnits);
        let error = TransactionError::InstructionError(0, InstructionError::MissingRequiredSignature);
        let cause = explain::<&str>(&error, &[], &[]).cause;
        assert_eq!(cause, Cause::Runtime(InstructionError::MissingRequiredSignature));
    }

    #[test]
    fn what_failed_before_any_instruction_names_none() {
        let failure = explain::<&str>(&TransactionError::BlockhashNotFound, &[], &[]);
        assert_eq!((failure.instruction, failure.program), (None, None));
        assert_eq!(failure.cause, Cause::Transaction(TransactionError::BlockhashNotFound));
    }
}
