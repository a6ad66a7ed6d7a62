//! A proposal: a change that waits out the timelock in everybody's sight.

use anchor_lang::prelude::*;
use taper_engine::params::MarketParams;

use super::assert_layout;
use crate::constants::{
    ACCOUNT_VERSION, ORACLE_PYTH_PULL, PROPOSAL_CANCELLED, PROPOSAL_GUARDIAN, PROPOSAL_ORACLE, PROPOSAL_PARAMS,
    PROPOSAL_PENDING, PROPOSAL_STATUS, PROPOSAL_TIMELOCK, PROPOSAL_WIND_DOWN, STATUS_PAUSED, TIMELOCK_MAX_SLOTS,
};
use crate::error::{Refusal, TaperError};

/// PDA of (`"proposal"`, exchange, index). An index is used once, so an address that was closed never comes back.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Layout version.
    pub version: u8,
    /// 0 parameters, 1 oracle, 2 wind-down, 3 status, 4 guardian, 5 timelock.
    pub kind: u8,
    /// 0 pending, 1 applied, 2 cancelled.
    pub state: u8,
    /// Oracle: 0 Pyth push account, 1 Pyth pull account.
    pub oracle_kind: u8,
    /// Status: the new one.
    pub status: u8,
    /// Status: the one it replaces, and no other.
    pub status_before: u8,
    /// Bump of this account's address.
    pub bump: u8,
    /// Zero.
    pub padding: u8,
    /// The exchange.
    pub exchange: Pubkey,
    /// The market; the default key for what concerns the exchange.
    pub market: Pubkey,
    /// Who proposed it, and gets the rent back.
    pub proposer: Pubkey,
    /// Its number, part of the address.
    pub index: u64,
    /// Slot in which it was made.
    pub created_slot: u64,
    /// First slot in which it can be applied.
    pub ready_slot: u64,
    /// First slot in which it cannot be applied any more.
    pub expires_slot: u64,
    /// Slot in which it was applied or cancelled; zero before.
    pub decided_slot: u64,
    /// Timelock: the new one, in slots.
    pub timelock_slots: u64,
    /// Guardian: the new one. Oracle: the address of a push account, or the feed of pull accounts.
    pub key: Pubkey,
    /// Oracle: the account that can freeze a leg.
    pub oracle_account: Pubkey,
    /// Parameters: the new ones.
    pub params: MarketParams,
    /// Zero.
    pub reserved: [u64; 8],
}
assert_layout!(Proposal, 728, {
    version: 0, kind: 1, state: 2, oracle_kind: 3, status: 4, status_before: 5, bump: 6, padding: 7, exchange: 8,
    market: 40, proposer: 72, index: 104, created_slot: 112, ready_slot: 120, expires_slot: 128, decided_slot: 136,
    timelock_slots: 144, key: 152, oracle_account: 184, params: 216, reserved: 664,
});

/// What is proposed.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "it is decoded once and never stored in numbers")]
pub enum ProposalAction {
    /// New parameters of a market.
    Params {
        /// All of them.
        params: MarketParams,
    },
    /// Another oracle of a market.
    Oracle {
        /// 0 Pyth push account, 1 Pyth pull account.
        oracle_kind: u8,
        /// Push: the address of the price account. Pull: the 32 bytes of the feed id.
        oracle_key: Pubkey,
        /// The account that is to show, from then on, that the feed is silent.
        oracle_account: Pubkey,
    },
    /// The end of a market: reductions only from its application on, settlement one timelock later. Never undone.
    WindDown,
    /// A looser status of a market or, without one, of the exchange.
    Status {
        /// 0 active, 1 reduce-only.
        status: u8,
    },
    /// Another guardian.
    Guardian {
        /// The new one.
        guardian: Pubkey,
    },
    /// Another timelock.
    Timelock {
        /// The new one, in slots.
        timelock_slots: u64,
    },
}

impl ProposalAction {
    /// Its code.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Params { .. } => PROPOSAL_PARAMS,
            Self::Oracle { .. } => PROPOSAL_ORACLE,
            Self::WindDown => PROPOSAL_WIND_DOWN,
            Self::Status { .. } => PROPOSAL_STATUS,
            Self::Guardian { .. } => PROPOSAL_GUARDIAN,
            Self::Timelock { .. } => PROPOSAL_TIMELOCK,
        }
    }

    /// What can be said of it without the rest of the world. Everything is checked again when it is applied.
    ///
    /// # Errors
    /// `ProposalMismatch` for a market where there must be none, or none where there must be one; `InvalidParameters`,
    /// `InvalidArgument`, `TimelockOutOfRange`.
    pub fn validate(&self, has_market: bool) -> Result<()> {
        let fits = match self {
            Self::Params { .. } | Self::Oracle { .. } | Self::WindDown => has_market,
            Self::Status { .. } => true,
            Self::Guardian { .. } | Self::Timelock { .. } => !has_market,
        };
        require!(fits, TaperError::ProposalMismatch);
        match self {
            Self::Params { params } => params.validate().or_refuse()?,
            Self::Oracle { oracle_kind, .. } => {
                require!(*oracle_kind <= ORACLE_PYTH_PULL, TaperError::InvalidArgument);
            }
            Self::Status { status } => require!(*status < STATUS_PAUSED, TaperError::InvalidArgument),
            Self::Guardian { guardian } => {
                require!(*guardian != Pubkey::default(), TaperError::InvalidArgument);
            }
            Self::Timelock { timelock_slots } => {
                // Zero is for exchanges that began so: a live one never gives its timelock up.
                let sound = (1..=TIMELOCK_MAX_SLOTS).contains(timelock_slots);
                require!(sound, TaperError::TimelockOutOfRange);
            }
            Self::WindDown => {}
        }
        Ok(())
    }
}

impl Proposal {
    /// Writes down what is proposed.
    pub fn record(&mut self, action: &ProposalAction) {
        self.kind = action.kind();
        match action {
            ProposalAction::Params { params } => self.params = *params,
            ProposalAction::Oracle { oracle_kind, oracle_key, oracle_account } => {
                self.oracle_kind = *oracle_kind;
                self.key = *oracle_key;
                self.oracle_account = *oracle_account;
            }
            ProposalAction::WindDown => {}
            ProposalAction::Status { status } => self.status = *status,
            ProposalAction::Guardian { guardian } => self.key = *guardian,
            ProposalAction::Timelock { timelock_slots } => self.timelock_slots = *timelock_slots,
        }
    }

    /// Reads back what is proposed.
    ///
    /// # Errors
    /// `InvariantViolated` for an unknown kind.
    pub fn action(&self) -> Result<ProposalAction> {
        Ok(match self.kind {
            PROPOSAL_PARAMS => ProposalAction::Params { params: self.params },
            PROPOSAL_ORACLE => ProposalAction::Oracle {
                oracle_kind: self.oracle_kind,
                oracle_key: self.key,
                oracle_account: self.oracle_account,
            },
            PROPOSAL_WIND_DOWN => ProposalAction::WindDown,
            PROPOSAL_STATUS => ProposalAction::Status { status: self.status },
            PROPOSAL_GUARDIAN => ProposalAction::Guardian { guardian: self.key },
            PROPOSAL_TIMELOCK => ProposalAction::Timelock { timelock_slots: self.timelock_slots },
            _ => return err!(TaperError::InvariantViolated),
        })
    }

    /// Refuses a proposal of another exchange, and one that has been applied or cancelled.
    ///
    /// # Errors
    /// `WrongVersion`, `WrongExchange`, `ProposalNotPending`.
    pub fn check_pending(&self, exchange: &Pubkey) -> Result<()> {
        require!(self.version == ACCOUNT_VERSION, TaperError::WrongVersion);
        require!(self.exchange == *exchange, TaperError::WrongExchange);
        require!(self.state == PROPOSAL_PENDING, TaperError::ProposalNotPending);
        Ok(())
    }

    /// Refuses a slot in which it cannot be applied.
    ///
    /// # Errors
    /// `ProposalTimelocked`, `ProposalExpired`.
    pub fn check_due(&self, slot: u64) -> Result<()> {
        require!(slot >= self.ready_slot, TaperError::ProposalTimelocked);
        require!(slot < self.expires_slot, TaperError::ProposalExpired);
        Ok(())
    }

    /// What must hold after every instruction that wrote to it.
    ///
    /// # Errors
    /// `InvariantViolated`.
    pub fn invariant(&self) -> Result<()> {
        let sound = self.version == ACCOUNT_VERSION
            && self.kind <= PROPOSAL_TIMELOCK
            && self.state <= PROPOSAL_CANCELLED
            && (self.state == PROPOSAL_PENDING) == (self.decided_slot == 0)
            && self.created_slot <= self.ready_slot
            && self.ready_slot < self.expires_slot;
        require!(sound, TaperError::InvariantViolated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taper_engine::presets::{default_params, MarketSizing};
    use taper_engine::quantity::{BaseLots, Price};

    fn actions() -> [ProposalAction; 6] {
        let sizing =
            MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
        let (one, two) = (Pubkey::from([1; 32]), Pubkey::from([2; 32]));
        [
            ProposalAction::Params { params: default_params(&sizing).unwrap() },
            ProposalAction::Oracle { oracle_kind: 1, oracle_key: one, oracle_account: two },
            ProposalAction::WindDown,
            ProposalAction::Status { status: 1 },
            ProposalAction::Guardian { guardian: two },
            ProposalAction::Timelock { timelock_slots: 7 },
        ]
    }

    #[test]
    fn discriminator() {
        assert_eq!(Proposal::DISCRIMINATOR, [26, 94, 189, 187, 116, 136, 53, 33]);
    }

    #[test]
    fn what_is_recorded_reads_back_and_kinds_are_numbered_in_order() {
        for (kind, action) in (0u8..).zip(actions()) {
            let mut proposal: Proposal = bytemuck::Zeroable::zeroed();
            proposal.record(&action);
            assert_eq!((proposal.kind, action.kind()), (kind, kind));
            assert_eq!(proposal.action().unwrap(), action);
        }
        let mut unknown: Proposal = bytemuck::Zeroable::zeroed();
        unknown.kind = 6;
        assert_eq!(unknown.action().unwrap_err(), TaperError::InvariantViolated.into());
    }

    #[test]
    fn what_concerns_a_market_names_one_and_nothing_else_does() {
        let market = [Some(true), Some(true), Some(true), None, Some(false), Some(false)];
        for (action, market) in actions().iter().zip(market) {
            for has_market in [false, true] {
                let fits = market.is_none() || market == Some(has_market);
                assert_eq!(action.validate(has_market).is_ok(), fits, "{action:?} {has_market}");
            }
        }
    }

    #[test]
    fn contents_out_of_range_are_refused_when_proposed() {
        let refusal = |action: ProposalAction, has_market| action.validate(has_market).unwrap_err();
        let ProposalAction::Params { mut params } = actions()[0] else { unreachable!() };
        params.reserved[0] = 1;
        assert_eq!(refusal(ProposalAction::Params { params }, true), TaperError::InvalidParameters.into());
        let key = Pubkey::default();
        let oracle = ProposalAction::Oracle { oracle_kind: 2, oracle_key: key, oracle_account: key };
        for bad in [oracle, ProposalAction::Status { status: 2 }] {
            assert_eq!(refusal(bad, true), TaperError::InvalidArgument.into());
        }
        assert_eq!(refusal(ProposalAction::Guardian { guardian: key }, false), TaperError::InvalidArgument.into());
        for timelock_slots in [0, TIMELOCK_MAX_SLOTS + 1] {
            let bad = ProposalAction::Timelock { timelock_slots };
            assert_eq!(refusal(bad, false), TaperError::TimelockOutOfRange.into());
        }
    }
}
