//! When money has run out: who bears what, and insurance.

use anchor_lang::prelude::*;

use super::SeatBalance;

/// What a resolution did. Also the return data of `resolve_account`, so that a simulated call is a quote.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolveReport {
    /// 0 bankrupt, 1 taken over.
    pub kind: u8,
    /// Oracle price, at which all lots were closed.
    pub oracle_price_atoms_per_lot: i64,
    /// Lots closed by this call.
    pub base_lots: i64,
    /// Lots left to close.
    pub base_lots_left: i64,
    /// Paid by insurance out of the market's own income.
    pub insurance_from_market_atoms: i64,
    /// Paid by insurance out of the exchange's fund.
    pub insurance_from_fund_atoms: i64,
    /// Borne by deleveraged seats; negative: equity given to them.
    pub deleveraged_atoms: i64,
    /// Shared among all open lots of the market.
    pub socialised_atoms: i64,
    /// Borne by nobody yet.
    pub unassigned_atoms: i64,
    /// What the leg still has to collect; negative: to give away. Zero when it is finished.
    pub remaining_atoms: i64,
    /// Health before, in bps, rounded down.
    pub health_before_bps: i64,
    /// The account's orders that were cancelled first.
    pub cancelled_orders: u32,
}

/// A seat that was deleveraged: it closed lots at the oracle price. Its seat changes by `settled_atoms` (out of its result), then by a
/// fill of `base_lots` at the oracle price without a fee, then by `charged_atoms` (out of its result).
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleveragedSeat {
    /// The seat.
    pub seat_index: u32,
    /// Lots closed.
    pub base_lots: i64,
    /// Funding and shared losses that the seat paid first; negative was received.
    pub settled_atoms: i64,
    /// What it bore of the loss; negative was given to it.
    pub charged_atoms: i64,
}

/// A leg was resolved, or a part of it. From the balances before, an indexer gets those after like this, in this order.
///
/// 1. The account's seat is [`Self::seat_after`], its cash [`Self::cash_after_atoms`]. If `released_bond_atoms` is there, the seat is gone.
/// 2. Each counterparty's seat: see [`DeleveragedSeat`]. Its checkpoints become `funding_index_scaled` and `loss_index_before_scaled`.
/// 3. The market's clearing pool gets `charged_atoms` and each `settled_atoms`, and gives `socialised_atoms`. Its pending insurance gives
///    `insurance_from_market_atoms`, the exchange's fund `insurance_from_fund_atoms`; both together are added to what the market has drawn.
/// 4. The market's unassigned loss grows by `unassigned_atoms`, what is held for it, in market and exchange, by `held_loss_atoms`.
/// 5. The market's net swept profit grows by `swept_atoms`, and falls by both insurances and `bond_paid_atoms`.
/// 6. The account's recorded deficit is `deficit_after_atoms`; the exchange's sum falls by as much as it.
///
/// Own orders that were cancelled first are in `OrdersCancelled`.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct LegResolved {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// The account.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// What was done.
    pub report: ResolveReport,
    /// The deleveraged seats, best rank first.
    pub counterparties: Vec<DeleveragedSeat>,
    /// The account's seat after; all zeroes if it was released.
    pub seat_after: SeatBalance,
    /// Funding and shared losses that the account's seat paid first; negative was received.
    pub charged_atoms: i64,
    /// Moved from the account's seat to its cash; negative from it.
    pub swept_atoms: i64,
    /// The account's cash after, a released bond included.
    pub cash_after_atoms: i64,
    /// What the seat's bond paid of its loss.
    pub bond_paid_atoms: i64,
    /// If the seat was released: what was left of its bond, which went to cash.
    pub released_bond_atoms: Option<i64>,
    /// What the exchange keeps in the vault in addition, for what nobody bears.
    pub held_loss_atoms: i64,
    /// What is recorded of the account's deficit after.
    pub deficit_after_atoms: i64,
    /// The funding index to which every seat of this event is settled, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
    /// The loss index before, to which every seat of this event is settled, in `2^-20` atoms per lot.
    pub loss_index_before_scaled: i64,
    /// The loss index after, in `2^-20` atoms per lot.
    pub loss_index_scaled: i64,
}

/// An account's deficit was recorded anew.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct DeficitRecorded {
    /// The exchange.
    pub exchange: Pubkey,
    /// The account.
    pub margin_account: Pubkey,
    /// The record before.
    pub before_atoms: i64,
    /// The record after.
    pub after_atoms: i64,
}

/// Insurance paid for losses that nobody had borne. The market's net swept profit falls by both payments, its held loss, and the exchange's,
/// by `freed_atoms`.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct LossCovered {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// Paid out of the market's own income.
    pub from_market_atoms: i64,
    /// Paid out of the exchange's fund.
    pub from_fund_atoms: i64,
    /// What the exchange need no longer keep in the vault.
    pub freed_atoms: i64,
    /// The market's unassigned losses after.
    pub unassigned_after_atoms: i64,
}

/// Somebody donated to insurance. The exchange's fund grows by the amount; if it is for a market, so does what that market has contributed.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct InsuranceDonated {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market that it is for; the default key if it is for none.
    pub market: Pubkey,
    /// Who paid.
    pub donor: Pubkey,
    /// How much.
    pub amount_atoms: u64,
    /// The exchange's fund after.
    pub fund_after_atoms: i64,
}
