//! What can be done to an exchange, as data: generated, written to a file, shrunk and replayed.
//!
//! Every operation stands for itself: it means the same, or is refused, when others before it are left out.

use serde::{Deserialize, Serialize};
use taper_engine::params::MarketParams;

/// Somebody who has, had or may get a role: 0 is the first admin, 1 the first guardian.
pub type Key = usize;

/// Keys of those who may get a role.
pub const KEYS: usize = 4;

/// Bit `m` set: of market `m` the caller passes the other account of the feed, not that of the listing.
pub type Oracles = u8;

/// A price account as its publisher writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Price, before the exponent.
    pub price: i64,
    /// Confidence, before the exponent.
    pub confidence: u64,
    /// Exponent.
    pub exponent: i32,
    /// Average, before the exponent.
    pub ema: i64,
    /// Seconds before the clock at which it was published; negative: ahead of it.
    pub age_seconds: i64,
    /// False: the account says that the feed does not trade, so that nothing can be read.
    pub trading: bool,
}

/// An order as its owner asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// 0 bid, 1 ask.
    pub side: u8,
    /// 0 limit, 1 post-only, 2 immediate-or-cancel, 3 fill-or-kill.
    pub kind: u8,
    /// Limit, in quote atoms per lot.
    pub price: i64,
    /// Size, in lots.
    pub lots: i64,
    /// May only reduce.
    pub reduce_only: bool,
    /// Slots until it expires; 0: never; -1: it has.
    pub expires_in: i64,
    /// 0 the resting order goes, 1 the call is refused, 2 both shrink.
    pub self_trade: u8,
}

/// What a liquidator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Most lots to close.
    pub max: i64,
    /// The position that it saw; `None`: the one there is.
    pub expected: Option<i64>,
    /// Least that it wants to earn.
    pub min_payout: i64,
    /// Slots until the deadline; negative: it has passed.
    pub deadline_in: i64,
}

/// A change of parameters: some of the fields, by their new values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// Largest open interest, in lots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_interest_cap: Option<i64>,
    /// Sweep cap, in atoms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep_cap: Option<i64>,
    /// Insurance's cap in a window, in atoms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw_cap: Option<i64>,
    /// Insurance's grant, in atoms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<i64>,
    /// Added to every maintenance and initial rate, in bps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<i32>,
    /// Taker fee, in ppm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taker_fee: Option<u32>,
    /// Maker fee, in ppm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker_fee: Option<i32>,
    /// Weight of profit in initial health, in bps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profit_weight: Option<u32>,
    /// Slots in which a bucket fills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refill: Option<u64>,
    /// Target of repeated episodes, in bps; zero is a full close.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_again: Option<u32>,
    /// The tick: may never change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick: Option<i64>,
    /// The last tier's edge, in atoms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_cap: Option<u64>,
}

/// What a proposal would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Proposed {
    Params(Change),
    WindDown,
    Status(u8),
    /// `None`: the default key, which nobody has.
    Guardian(Option<Key>),
    Timelock(u64),
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Op {
    /// Time passes.
    Clock {
        slots: u64,
        seconds: i64,
    },
    /// A publisher writes a price account: that of the listing, or the other one of the feed.
    Publish {
        market: usize,
        other: bool,
        publication: Publication,
    },
    /// Tokens into an account; with `legs` all its legs are passed, those in the mask `writable` to be swept.
    Deposit {
        who: usize,
        amount: u64,
        legs: bool,
        writable: u8,
        oracles: Oracles,
    },
    /// Tokens out of an account.
    Withdraw {
        who: usize,
        amount: u64,
        writable: u8,
        oracles: Oracles,
    },
    /// An order.
    Place {
        who: usize,
        market: usize,
        order: Order,
        oracles: Oracles,
    },
    /// The `nth` best order of a side is cancelled by `who`, owner or not.
    Cancel {
        who: usize,
        market: usize,
        side: u8,
        nth: usize,
    },
    /// The owner cancels: 0 bids, 1 asks, 2 both.
    CancelAll {
        who: usize,
        market: usize,
        side: u8,
        limit: u8,
    },
    /// A stranger cancels.
    ForceCancel {
        who: usize,
        market: usize,
        limit: u8,
        oracles: Oracles,
    },
    /// Anybody may sweep, by releasing a seat.
    ReleaseSeat {
        who: usize,
        market: usize,
    },
    SettleLoss {
        who: usize,
        market: usize,
        oracles: Oracles,
    },
    Sample {
        market: usize,
        oracles: Oracles,
    },
    Flag {
        who: usize,
        market: usize,
        oracles: Oracles,
    },
    /// A slice through the book; the payout goes to the account `to`, or out of the vault.
    Slice {
        who: usize,
        market: usize,
        to: Option<usize>,
        slice: Slice,
        oracles: Oracles,
    },
    /// A slice into the account `by`.
    Absorb {
        who: usize,
        market: usize,
        by: usize,
        slice: Slice,
        oracles: Oracles,
    },
    Resolve {
        who: usize,
        market: usize,
        oracles: Oracles,
    },
    RecordDeficit {
        who: usize,
        oracles: Oracles,
    },
    CoverLoss {
        market: usize,
    },
    Donate {
        market: Option<usize>,
        amount: u64,
    },
    SweepIncome {
        market: usize,
    },
    AlwaysFullClose {
        who: usize,
        wanted: bool,
    },
    /// Status of a market or of the exchange; `both` roles sign, or one.
    SetStatus {
        market: Option<usize>,
        status: u8,
        both: bool,
    },
    Tighten {
        market: usize,
        change: Change,
    },
    /// A proposal that changes parameters is applied.
    ChangeParams {
        market: usize,
        change: Change,
    },
    AdvanceRamp {
        market: usize,
    },
    WindDown {
        market: usize,
    },
    SettleMarket {
        market: usize,
        oracles: Oracles,
    },
    /// The market is closed, and another one listed in its place.
    Relist {
        market: usize,
        oracles: Oracles,
    },
    /// Another market is listed, if the setup has one left.
    List {
        oracles: Oracles,
    },
    /// What the owner of an account does, signed by the owner of another one.
    SignedBy {
        signer: usize,
        op: Box<Op>,
    },
    SetDelegate {
        who: usize,
        delegate: Option<usize>,
    },
    /// A margin account is closed, and opened again at the same address.
    Reopen {
        who: usize,
        always_full: bool,
    },
    /// What guardian and admin may do, signed by any of the keys.
    ByKey {
        key: Key,
        op: Box<Op>,
    },
    /// A proposal; `skip` is added to its number.
    Propose {
        by: Key,
        market: Option<usize>,
        what: Proposed,
        skip: u64,
    },
    /// The `nth` proposal is applied, to the market that is passed.
    Apply {
        nth: usize,
        market: Option<usize>,
    },
    CancelProposal {
        by: Key,
        nth: usize,
    },
    /// `to` gets the rent.
    CloseProposal {
        nth: usize,
        to: Key,
    },
    Nominate {
        by: Key,
        nominee: Option<Key>,
    },
    Accept {
        by: Key,
    },
    /// What a proposal that is applied does: never proposed by the generator.
    #[serde(skip)]
    SetParams {
        market: usize,
        params: Box<MarketParams>,
    },
}

impl Op {
    /// Names of all kinds of operations, for the statistics.
    pub const NAMES: [&'static str; 38] = [
        "clock",
        "publish",
        "deposit",
        "withdraw",
        "place",
        "cancel",
        "cancel_all",
        "force_cancel",
        "release_seat",
        "settle_loss",
        "sample",
        "flag",
        "slice",
        "absorb",
        "resolve",
        "record_deficit",
        "cover_loss",
        "donate",
        "sweep_income",
        "always_full_close",
        "set_status",
        "tighten",
        "change_params",
        "advance_ramp",
        "wind_down",
        "settle_market",
        "relist",
        "list",
        "signed_by",
        "set_delegate",
        "reopen",
        "by_key",
        "propose",
        "apply",
        "cancel_proposal",
        "close_proposal",
        "nominate",
        "accept",
    ];

    /// Its kind: an index into [`Op::NAMES`].
    pub fn kind(&self) -> usize {
        match self {
            Op::Clock { .. } => 0,
            Op::Publish { .. } => 1,
            Op::Deposit { .. } => 2,
            Op::Withdraw { .. } => 3,
            Op::Place { .. } => 4,
            Op::Cancel { .. } => 5,
            Op::CancelAll { .. } => 6,
            Op::ForceCancel { .. } => 7,
            Op::ReleaseSeat { .. } => 8,
            Op::SettleLoss { .. } => 9,
            Op::Sample { .. } => 10,
            Op::Flag { .. } => 11,
            Op::Slice { .. } => 12,
            Op::Absorb { .. } => 13,
            Op::Resolve { .. } => 14,
            Op::RecordDeficit { .. } => 15,
            Op::CoverLoss { .. } => 16,
            Op::Donate { .. } => 17,
            Op::SweepIncome { .. } => 18,
            Op::AlwaysFullClose { .. } => 19,
            Op::SetStatus { .. } => 20,
            Op::Tighten { .. } => 21,
            Op::ChangeParams { .. } | Op::SetParams { .. } => 22,
            Op::AdvanceRamp { .. } => 23,
            Op::WindDown { .. } => 24,
            Op::SettleMarket { .. } => 25,
            Op::Relist { .. } => 26,
            Op::List { .. } => 27,
            Op::SignedBy { .. } => 28,
            Op::SetDelegate { .. } => 29,
            Op::Reopen { .. } => 30,
            Op::ByKey { .. } => 31,
            Op::Propose { .. } => 32,
            Op::Apply { .. } => 33,
            Op::CancelProposal { .. } => 34,
            Op::CloseProposal { .. } => 35,
            Op::Nominate { .. } => 36,
            Op::Accept { .. } => 37,
        }
    }
}
