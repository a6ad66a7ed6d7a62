//! Taper: soft liquidations for perpetual futures. Dispatch only; each instruction has its own file, and every number that decides
//! about money is the engine's.
// Anchor's macros expand to code that these would refuse.
#![allow(unexpected_cfgs)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use anchor_lang::prelude::*;
use taper_engine::params::MarketParams;

pub mod address;
pub mod constants;
pub mod error;
pub mod estate;
pub mod events;
pub mod fills;
pub mod instructions;
pub mod legs;
pub mod oracle;
#[cfg(not(feature = "no-entrypoint"))]
mod security;
pub mod state;
pub mod token;

use events::{ResolveReport, SliceReport};
use instructions::*;
use state::ProposalAction;

declare_id!("FoiKTUvgZ9LsTt9dQXQyCdrsUw6o8kUgGqsRJmGddajq");

/// The instructions.
#[program]
pub mod taper {
    use super::*;

    /// Creates an exchange and its vault.
    pub fn initialize_exchange<'info>(
        ctx: Context<'info, InitializeExchange<'info>>,
        index: u16,
        guardian: Pubkey,
        timelock_slots: u64,
    ) -> Result<()> {
        handle_initialize_exchange(ctx, index, guardian, timelock_slots)
    }

    /// Lists a market.
    pub fn create_market<'info>(
        ctx: Context<'info, CreateMarket<'info>>,
        params: MarketParams,
        oracle_kind: u8,
        oracle_key: Pubkey,
        name: [u8; 16],
    ) -> Result<()> {
        handle_create_market(ctx, &params, oracle_kind, oracle_key, name)
    }

    /// Opens a margin account.
    pub fn create_margin_account<'info>(
        ctx: Context<'info, CreateMarginAccount<'info>>,
        number: u16,
        always_full_close: bool,
    ) -> Result<()> {
        handle_create_margin_account(ctx, number, always_full_close)
    }

    /// Closes an empty margin account.
    pub fn close_margin_account<'info>(ctx: Context<'info, CloseMarginAccount<'info>>) -> Result<()> {
        handle_close_margin_account(ctx)
    }

    /// Brings tokens into a margin account.
    pub fn deposit<'info>(ctx: Context<'info, Deposit<'info>>, amount_atoms: u64) -> Result<()> {
        handle_deposit(ctx, amount_atoms)
    }

    /// Takes tokens out of a margin account.
    pub fn withdraw<'info>(ctx: Context<'info, Withdraw<'info>>, amount_atoms: u64) -> Result<()> {
        handle_withdraw(ctx, amount_atoms)
    }

    /// Places an order.
    pub fn place_order<'info>(ctx: Context<'info, PlaceOrder<'info>>, args: PlaceOrderArgs) -> Result<()> {
        handle_place_order(ctx, &args)
    }

    /// Cancels one resting order.
    pub fn cancel_order<'info>(ctx: Context<'info, CancelOrder<'info>>, args: CancelOrderArgs) -> Result<()> {
        handle_cancel_order(ctx, &args)
    }

    /// Cancels the account's orders in one market.
    pub fn cancel_all_orders<'info>(
        ctx: Context<'info, CancelAllOrders<'info>>,
        args: CancelAllOrdersArgs,
    ) -> Result<()> {
        handle_cancel_all_orders(ctx, &args)
    }

    /// Cancels an unhealthy account's orders in one market.
    pub fn force_cancel_orders<'info>(
        ctx: Context<'info, ForceCancelOrders<'info>>,
        args: ForceCancelOrdersArgs,
    ) -> Result<()> {
        handle_force_cancel_orders(ctx, &args)
    }

    /// Observes an account: starts, continues or ends its liquidation episode.
    pub fn flag_account<'info>(ctx: Context<'info, FlagAccount<'info>>) -> Result<()> {
        handle_flag_account(ctx)
    }

    /// Closes one slice of an unhealthy account's leg against the book.
    pub fn partial_liquidate<'info>(
        ctx: Context<'info, PartialLiquidate<'info>>,
        args: LiquidateArgs,
    ) -> Result<SliceReport> {
        handle_partial_liquidate(ctx, &args)
    }

    /// Takes one slice of an unhealthy account's leg into the caller's margin account.
    pub fn absorb<'info>(ctx: Context<'info, Absorb<'info>>, args: LiquidateArgs) -> Result<SliceReport> {
        handle_absorb(ctx, &args)
    }

    /// Takes a losing seat's loss against the oracle out of its cash.
    pub fn settle_loss<'info>(ctx: Context<'info, SettleLoss<'info>>) -> Result<()> {
        handle_settle_loss(ctx)
    }

    /// Samples the premium of the book over the oracle, and sets the rate of funding.
    pub fn update_funding<'info>(ctx: Context<'info, UpdateFunding<'info>>) -> Result<()> {
        handle_update_funding(ctx)
    }

    /// Resolves one leg of an account that is bankrupt, or taken over.
    pub fn resolve_account<'info>(ctx: Context<'info, ResolveAccount<'info>>) -> Result<ResolveReport> {
        handle_resolve_account(ctx)
    }

    /// Records what an account owes beyond all it has.
    pub fn record_deficit<'info>(ctx: Context<'info, RecordDeficit<'info>>) -> Result<()> {
        handle_record_deficit(ctx)
    }

    /// Pays for a market's unassigned losses out of insurance.
    pub fn cover_loss<'info>(ctx: Context<'info, CoverLoss<'info>>) -> Result<()> {
        handle_cover_loss(ctx)
    }

    /// Donates to insurance.
    pub fn donate_insurance<'info>(ctx: Context<'info, DonateInsurance<'info>>, amount_atoms: u64) -> Result<()> {
        handle_donate_insurance(ctx, amount_atoms)
    }

    /// Closes all positions of a market that has been wound down.
    pub fn settle_market<'info>(ctx: Context<'info, SettleMarket<'info>>) -> Result<()> {
        handle_settle_market(ctx)
    }

    /// Returns the rent of a market that is over.
    pub fn close_market<'info>(ctx: Context<'info, CloseMarket<'info>>) -> Result<()> {
        handle_close_market(ctx)
    }

    /// Releases a flat, orderless seat.
    pub fn release_seat<'info>(ctx: Context<'info, ReleaseSeat<'info>>) -> Result<()> {
        handle_release_seat(ctx)
    }

    /// Moves a market's fees and insurance income to the exchange.
    pub fn sweep_market_income<'info>(ctx: Context<'info, SweepMarketIncome<'info>>) -> Result<()> {
        handle_sweep_market_income(ctx)
    }

    /// Sets the status of the exchange, or of one market.
    pub fn set_status<'info>(ctx: Context<'info, SetStatus<'info>>, status: u8) -> Result<()> {
        handle_set_status(ctx, status)
    }

    /// Proposes a change.
    pub fn propose<'info>(ctx: Context<'info, Propose<'info>>, index: u64, action: ProposalAction) -> Result<()> {
        handle_propose(ctx, index, &action)
    }

    /// Applies a proposal whose timelock has passed.
    pub fn apply_proposal<'info>(ctx: Context<'info, ApplyProposal<'info>>) -> Result<()> {
        handle_apply_proposal(ctx)
    }

    /// Cancels a proposal.
    pub fn cancel_proposal<'info>(ctx: Context<'info, CancelProposal<'info>>) -> Result<()> {
        handle_cancel_proposal(ctx)
    }

    /// Closes a proposal that is over, and returns its rent.
    pub fn close_proposal<'info>(ctx: Context<'info, CloseProposal<'info>>) -> Result<()> {
        handle_close_proposal(ctx)
    }

    /// Names who may become the admin.
    pub fn nominate_admin<'info>(ctx: Context<'info, NominateAdmin<'info>>, nominee: Pubkey) -> Result<()> {
        handle_nominate_admin(ctx, nominee)
    }

    /// Makes the nominee the admin.
    pub fn accept_admin<'info>(ctx: Context<'info, AcceptAdmin<'info>>) -> Result<()> {
        handle_accept_admin(ctx)
    }

    /// Lowers limits of a market at once.
    pub fn tighten_limits<'info>(ctx: Context<'info, TightenLimits<'info>>, args: TightenLimitsArgs) -> Result<()> {
        handle_tighten_limits(ctx, &args)
    }

    /// Moves maintenance rates to where their ramp is.
    pub fn advance_ramp<'info>(ctx: Context<'info, AdvanceRamp<'info>>) -> Result<()> {
        handle_advance_ramp(ctx)
    }

    /// Names who may trade for the owner.
    pub fn set_delegate<'info>(ctx: Context<'info, SetDelegate<'info>>, delegate: Pubkey) -> Result<()> {
        handle_set_delegate(ctx, delegate)
    }
}
