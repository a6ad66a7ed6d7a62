//! What an indexer reads: from these events alone it can rebuild every balance. Amounts in quote atoms, prices in quote atoms per
//! lot, sizes in lots. `*_after` fields are states, the others are changes.

use anchor_lang::prelude::*;
use taper_engine::params::MarketParams;

mod governance;

pub use governance::*;

/// The part of a seat that holds money, after an instruction.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeatBalance {
    /// Position.
    pub base_lots: i64,
    /// Minus the cost of the open position.
    pub quote_entry_atoms: i64,
    /// Result not yet swept to cash.
    pub realised_atoms: i64,
    /// The funding index when the seat was settled last, in `2^-20` atoms per lot.
    pub funding_checkpoint_scaled: i64,
    /// The loss index when the seat was settled last, in `2^-20` atoms per lot.
    pub loss_checkpoint_scaled: i64,
}

/// One fill against a resting order. The maker's seat changes by this fill and by `maker_fee_atoms`.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Seat of the maker.
    pub maker_seat_index: u32,
    /// Sequence of the maker's order.
    pub sequence: u64,
    /// The maker's own number for its order.
    pub client_order_id: u64,
    /// Price of the fill.
    pub price_atoms_per_lot: i64,
    /// Size of the fill.
    pub base_lots: i64,
    /// Fee paid by the maker; negative is a rebate.
    pub maker_fee_atoms: i64,
    /// Funding and shared losses that the maker's seat paid before the fill, out of its result; negative was received.
    pub maker_settled_atoms: i64,
}

/// One resting order that left the book unfilled.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Seat of its owner.
    pub seat_index: u32,
    /// 0 bid, 1 ask.
    pub side: u8,
    /// Why it left, see `RemovalReason` of the engine.
    pub reason: u8,
    /// Its sequence.
    pub sequence: u64,
    /// Its owner's number for it.
    pub client_order_id: u64,
    /// Its limit.
    pub price_atoms_per_lot: i64,
    /// What was left of it.
    pub base_lots: i64,
}

/// An exchange was created.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangeInitialized {
    /// The exchange.
    pub exchange: Pubkey,
    /// Its admin.
    pub admin: Pubkey,
    /// Its guardian.
    pub guardian: Pubkey,
    /// Its quote mint.
    pub quote_mint: Pubkey,
    /// Its vault.
    pub vault: Pubkey,
    /// Slots that its proposals wait.
    pub timelock_slots: u64,
}

/// A market was created.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarketCreated {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// Its order book.
    pub order_book: Pubkey,
    /// 0 Pyth push, 1 Pyth pull.
    pub oracle_kind: u8,
    /// Address or feed of its oracle.
    pub oracle_key: Pubkey,
    /// Its name.
    pub name: [u8; 16],
    /// Price at listing.
    pub price_atoms_per_lot: i64,
    /// First slot in which risk may be added.
    pub opens_slot: u64,
    /// Its parameters.
    pub params: MarketParams,
}

/// A margin account was created.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarginAccountCreated {
    /// The exchange.
    pub exchange: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// Its owner.
    pub authority: Pubkey,
    /// Its number.
    pub number: u16,
    /// True if its owner asks for a full close always.
    pub always_full_close: bool,
}

/// A margin account was closed. It had no cash and no positions.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarginAccountClosed {
    /// The margin account.
    pub margin_account: Pubkey,
}

/// Tokens came in.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Deposited {
    /// The margin account.
    pub margin_account: Pubkey,
    /// Who paid.
    pub depositor: Pubkey,
    /// How much.
    pub amount_atoms: u64,
    /// Cash after.
    pub cash_after_atoms: i64,
    /// True if this ended a liquidation episode.
    pub episode_ended: bool,
}

/// Tokens went out.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawn {
    /// The margin account.
    pub margin_account: Pubkey,
    /// Where to.
    pub token_account: Pubkey,
    /// How much.
    pub amount_atoms: u64,
    /// Cash after.
    pub cash_after_atoms: i64,
}

/// A seat was brought up to date: funding and shared losses were settled, and realised result moved to cash.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Swept {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// The seat.
    pub seat_index: u32,
    /// Funding and shared losses that the seat paid out of its result, before the sweep; negative was received.
    pub charged_atoms: i64,
    /// Moved to cash; negative is a loss taken from it.
    pub amount_atoms: i64,
    /// The funding index to which the seat is settled, in `2^-20` atoms per lot.
    pub funding_checkpoint_scaled: i64,
    /// The loss index to which the seat is settled, in `2^-20` atoms per lot.
    pub loss_checkpoint_scaled: i64,
}

/// A seat was taken; its bond left cash.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct SeatTaken {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// The seat.
    pub seat_index: u32,
    /// Its bond.
    pub bond_atoms: u64,
}

/// A seat was released; its bond went back to cash.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct SeatReleased {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// The seat.
    pub seat_index: u32,
    /// The bond.
    pub bond_atoms: i64,
    /// Cash after.
    pub cash_after_atoms: i64,
}

/// An order was placed: what it took, and what of it rests.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct OrderPlaced {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// 0 bid, 1 ask.
    pub side: u8,
    /// 0 limit, 1 post-only, 2 immediate-or-cancel, 3 fill-or-kill.
    pub kind: u8,
    /// True if it may only reduce.
    pub reduce_only: bool,
    /// Its limit.
    pub price_atoms_per_lot: i64,
    /// Its size.
    pub size_base_lots: i64,
    /// The owner's number for it.
    pub client_order_id: u64,
    /// First slot in which it is no longer good; zero for never.
    pub expires_at_slot: u64,
    /// What it took.
    pub filled_base_lots: i64,
    /// Notional of what it took.
    pub filled_quote_atoms: i64,
    /// Fee paid as a taker.
    pub taker_fee_atoms: i64,
    /// What rests.
    pub posted_base_lots: i64,
    /// Sequence of what rests; zero if nothing does.
    pub sequence: u64,
    /// The taker's seat after.
    pub seat_after: SeatBalance,
    /// True if this ended a liquidation episode.
    pub episode_ended: bool,
}

/// Fills and removals of one instruction, in order. Fills of a taker on `taker_side` are against orders of the other side.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct BookChanged {
    /// The market.
    pub market: Pubkey,
    /// Seat of the taker.
    pub taker_seat_index: u32,
    /// 0 bid, 1 ask.
    pub taker_side: u8,
    /// Oracle price at which it was done; zero where none was needed.
    pub oracle_price_atoms_per_lot: i64,
    /// The market's count of fills after.
    pub fill_sequence: u64,
    /// The funding index to which every seat of a fill is settled, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
    /// The loss index to which every seat of a fill is settled, in `2^-20` atoms per lot.
    pub loss_index_scaled: i64,
    /// Fills.
    pub fills: Vec<Fill>,
    /// Removals.
    pub removals: Vec<Removal>,
}

/// A resting order was cancelled by its owner.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct OrderCancelled {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// The order.
    pub order: Removal,
}

/// Orders were cancelled: by the owner, or by a stranger because the account is unhealthy.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct OrdersCancelled {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// 0 bids, 1 asks, 2 both.
    pub side: u8,
    /// True if a stranger did it.
    pub forced: bool,
    /// The orders.
    pub removals: Vec<Removal>,
}

/// An account was observed.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct AccountFlagged {
    /// The margin account.
    pub margin_account: Pubkey,
    /// 0 an episode started, 1 it goes on, unhealthy, 2 it goes on, healthy, 3 it ended, its target met.
    pub outcome: u8,
    /// Its kind: 0 none, 1 towards the first target, 2 a full close, 3 towards the repeated target.
    pub kind: u8,
    /// Health in its favour, in bps, rounded down.
    pub health_bps: i64,
    /// Slots it has been unhealthy.
    pub clock_slots: u64,
}

/// What a slice did. Also the return data of `partial_liquidate` and `absorb`, so that a simulated call is a quote.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceReport {
    /// 0 soft, 1 hard, 2 backstop.
    pub stage: u8,
    /// Side of the fills: 0 bids bought a short back, 1 asks sold a long.
    pub side: u8,
    /// Lots closed.
    pub base_lots: i64,
    /// Lots that the plan wanted before depth and the caller's limits.
    pub planned_base_lots: i64,
    /// Notional of the fills.
    pub quote_atoms: i64,
    /// Penalty taken from the account's cash.
    pub penalty_atoms: i64,
    /// What the caller is paid: its part of the penalty, and the tip.
    pub caller_payout_atoms: i64,
    /// The tip alone. It leaves the market's pending insurance income. Zero when absorbed.
    pub tip_atoms: i64,
    /// Insurance's part of the penalty. It enters the market's pending insurance income.
    pub insurance_atoms: i64,
    /// What an absorber has paid less than the oracle price, where it paid less. Zero through the book.
    pub discount_atoms: i64,
    /// Insurance's part of the discount, out of the absorber's cash. It enters the market's pending insurance income.
    pub discount_insurance_atoms: i64,
    /// Slippage above zero (the discount, when absorbed), and penalty.
    pub cost_atoms: i64,
    /// Oracle price.
    pub oracle_price_atoms_per_lot: i64,
    /// Health before, in bps, rounded down.
    pub health_before_bps: i64,
    /// Health after, in bps, rounded down.
    pub health_after_bps: i64,
    /// First slot of the next slice.
    pub cooldown_until_slot: u64,
    /// Number of fills.
    pub fills: u32,
    /// The account's own orders that were cancelled first.
    pub cancelled_orders: u32,
    /// True if the target was met.
    pub episode_ended: bool,
}

/// A slice went through the book. Its fills are in `BookChanged`.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Sliced {
    /// The market.
    pub market: Pubkey,
    /// The liquidatee.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// Who called.
    pub caller: Pubkey,
    /// Where the payout went: a margin account (credited) or a token account (paid from the vault).
    pub payout_to: Pubkey,
    /// True if the payout was credited to a margin account.
    pub credited: bool,
    /// What was done.
    pub report: SliceReport,
    /// The liquidatee's seat after.
    pub seat_after: SeatBalance,
    /// The liquidatee's cash after.
    pub cash_after_atoms: i64,
}

/// A slice was absorbed into the caller's margin account.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Absorbed {
    /// The market.
    pub market: Pubkey,
    /// The liquidatee.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// The absorber's margin account.
    pub absorber: Pubkey,
    /// Its seat.
    pub absorber_seat_index: u32,
    /// What was done.
    pub report: SliceReport,
    /// The liquidatee's seat after.
    pub seat_after: SeatBalance,
    /// The liquidatee's cash after.
    pub cash_after_atoms: i64,
    /// The absorber's seat after.
    pub absorber_seat_after: SeatBalance,
    /// The absorber's cash after.
    pub absorber_cash_after_atoms: i64,
}

/// A losing seat's loss against the oracle was taken from its cash.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct LossSettled {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// Taken from cash.
    pub amount_atoms: i64,
    /// The seat after.
    pub seat_after: SeatBalance,
    /// Cash after.
    pub cash_after_atoms: i64,
}

/// The premium of a market was sampled, and the rate of funding set.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct FundingUpdated {
    /// The market.
    pub market: Pubkey,
    /// The funding index after, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
    /// The rate from now on, in `2^-20` atoms per lot and slot; positive: longs pay.
    pub rate_scaled_per_slot: i64,
    /// The premium of the book's impact mid over the EMA, clamped; zero in a book that shows none.
    pub premium_atoms_per_lot: i64,
    /// False if the book was too thin or too wide to show a premium.
    pub is_measured: bool,
    /// The oracle price.
    pub oracle_price_atoms_per_lot: i64,
    /// The oracle's EMA.
    pub oracle_ema_atoms_per_lot: i64,
}

/// A market's income went to the exchange.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarketIncomeSwept {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// Fees moved.
    pub fees_atoms: i64,
    /// Insurance income moved.
    pub insurance_atoms: i64,
    /// The part of it that came out of the clearing pool: what rounding had left.
    pub residue_atoms: i64,
}

/// A status was set.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct StatusSet {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market; the default key if it was the exchange's own status.
    pub market: Pubkey,
    /// Who set it.
    pub by: Pubkey,
    /// 0 active, 1 reduce-only, 2 paused.
    pub status: u8,
}

/// A delegate was set.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct DelegateSet {
    /// The margin account.
    pub margin_account: Pubkey,
    /// The delegate; the default key for nobody.
    pub delegate: Pubkey,
}

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

/// All positions of a market were closed at its final price, and its book emptied: every order is gone. Every seat with a position paid
/// `ceil((base × (funding index − its checkpoint) + |base| × (loss index − its checkpoint)) ÷ 2^20)` out of its result into the clearing pool;
/// then its result grew by `base × price + quote_entry`, and its position and entry are zero. `FinalTerms::close` of the engine does that to a
/// seat. Funding has ended: the rate is zero.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarketSettled {
    /// The market.
    pub market: Pubkey,
    /// The price.
    pub final_price_atoms_per_lot: i64,
    /// False if the oracle was silent, and the price is the last one that the market had used.
    pub is_from_oracle: bool,
    /// Lots closed on each side.
    pub base_lots: i64,
    /// Orders that rested in the book.
    pub orders: u32,
    /// What the seats paid into the clearing pool, all together.
    pub charged_atoms: i64,
    /// The funding index to which every position was settled, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
    /// The loss index to which every position was settled.
    pub loss_index_scaled: i64,
}

/// A market was closed: its accounts are gone.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarketClosed {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// Its order book.
    pub order_book: Pubkey,
    /// Who got the lamports.
    pub recipient: Pubkey,
    /// Lamports of both accounts.
    pub lamports: u64,
    /// Fees that went to the exchange.
    pub fees_atoms: i64,
    /// Insurance income that went to the exchange.
    pub insurance_atoms: i64,
    /// The part of it that came out of the clearing pool.
    pub residue_atoms: i64,
}
