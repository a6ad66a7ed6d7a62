//! The exchange of a model's session on a chain, and the comparison of both.

use std::collections::HashMap;
use std::sync::Arc;

use anchor_lang::error::ErrorCode;
use solana_account::Account;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::error::TaperError;
use taper::state::{Exchange, MarginAccount, Market, OrderBook, ProposalAction};
use taper_engine::market::MarketState;
use taper_engine::quantity::Side;
use taper_engine::seat::Seat;
use taper_harness::{keypair, mint_bytes, token_account_bytes, Chain, Checks, HarnessError, Refusal, Trader, Venue};
use taper_model::engine_world::owner;
use taper_model::op::{Op, KEYS};
use taper_model::outside::{Refusal as Reason, QUOTE_DECIMALS, TIMELOCK_SLOTS};
use taper_model::run::Session;
use taper_sdk::instruction::{
    apply_proposal, close_market, create_market, create_zeroed_account, propose, ExchangeKeys, Listing, MarketKeys,
};
use taper_sdk::pyth::{
    pull_account, push_account, PublishedPrice, PushStatus, Verification, PYTH_PULL, PYTH_PUSH_MAINNET,
};

/// Tokens that everybody has before each operation.
const TOKENS: u64 = 1 << 62;
const ORACLE_LAMPORTS: u64 = 30_000_000;
/// Rent of many markets and proposals.
const KEY_LAMPORTS: u64 = 1 << 50;
/// Transactions between two audits by the harness; bytes are compared after each.
const AUDIT_EVERY: u64 = 64;
/// The market with a push oracle: its only account is the feed.
const PUSH: usize = 0;

/// The operation as a chain can have it: a push feed has no second account, and a pull account does not say that it does not trade. A
/// market's listing is at the account that stays its own. `None` for what cannot be.
pub fn adapted(mut op: Op) -> Option<Op> {
    match &mut op {
        Op::Publish { market, other, .. } if *market == PUSH && *other => return None,
        Op::Publish { market, publication, .. } if *market != PUSH => publication.trading = true,
        Op::Relist { oracles, .. } | Op::List { oracles } => *oracles = 0,
        Op::SignedBy { op, .. } => **op = adapted((**op).clone())?,
        Op::Deposit { oracles, .. }
        | Op::Withdraw { oracles, .. }
        | Op::Place { oracles, .. }
        | Op::ForceCancel { oracles, .. }
        | Op::SettleLoss { oracles, .. }
        | Op::Sample { oracles, .. }
        | Op::Flag { oracles, .. }
        | Op::Slice { oracles, .. }
        | Op::Absorb { oracles, .. }
        | Op::Resolve { oracles, .. }
        | Op::RecordDeficit { oracles, .. }
        | Op::SettleMarket { oracles, .. } => *oracles &= !(1 << PUSH),
        _ => {}
    }
    Some(op)
}

/// The program's name of a reason.
pub fn code(reason: Reason) -> u32 {
    match reason {
        Reason::Engine(error) => TaperError::from(error),
        Reason::OracleDegraded => TaperError::OracleDegraded,
        Reason::OracleNotTrading => TaperError::OracleNotTrading,
        Reason::ExchangePaused => TaperError::ExchangePaused,
        Reason::MarketPaused => TaperError::MarketPaused,
        Reason::MarketNotOpen => TaperError::MarketNotOpen,
        Reason::PositionNotFound => TaperError::PositionNotFound,
        Reason::DuplicateAccount => TaperError::DuplicateAccount,
        Reason::AbsorbIntoItself => TaperError::AbsorbIntoItself,
        Reason::InvalidArgument => TaperError::InvalidArgument,
        Reason::VaultCannotPay => TaperError::VaultCannotPay,
        Reason::DeficitRemains => TaperError::DeficitRemains,
        Reason::StatusNotTightened => TaperError::StatusNotTightened,
        Reason::AlreadyWindingDown => TaperError::AlreadyWindingDown,
        Reason::MarketNotSettled => TaperError::MarketNotSettled,
        Reason::ListingPriceTooSmall => TaperError::ListingPriceTooSmall,
        Reason::InvariantViolated => TaperError::InvariantViolated,
        Reason::NotAuthority => TaperError::NotAuthority,
        Reason::OwnerOnly => TaperError::OwnerOnly,
        Reason::NotCallerAccount => TaperError::NotCallerAccount,
        Reason::PositionsRemain => TaperError::PositionsRemain,
        Reason::CashRemains => TaperError::CashRemains,
        Reason::NotAdmin => TaperError::NotAdmin,
        Reason::NotGuardian => TaperError::NotGuardian,
        Reason::NotNominated => TaperError::NotNominated,
        Reason::RolesNotDistinct => TaperError::RolesNotDistinct,
        Reason::TimelockOutOfRange => TaperError::TimelockOutOfRange,
        Reason::ProposalMismatch => TaperError::ProposalMismatch,
        Reason::ProposalNotPending => TaperError::ProposalNotPending,
        Reason::ProposalTimelocked => TaperError::ProposalTimelocked,
        Reason::ProposalExpired => TaperError::ProposalExpired,
        Reason::ProposalPending => TaperError::ProposalPending,
        Reason::GuardianOwnReplacement => TaperError::GuardianOwnReplacement,
        Reason::NoAccount => return ErrorCode::AccountOwnedByWrongProgram.into(),
        Reason::NothingToList => unreachable!("no such call"),
    }
    .into()
}

/// What an operation is on a chain.
pub enum Call {
    /// A transaction.
    Send(Vec<Instruction>, Vec<Arc<Keypair>>),
    /// A proposal, made one timelock ago and applied now.
    Propose(usize, Box<ProposalAction>),
    /// Transactions one after the other; only the first may be refused.
    Both([Instruction; 2], Arc<Keypair>),
    /// A proposal, by a key, of the next number plus what is skipped.
    Proposal(usize, Instruction),
    /// A market is listed.
    List(usize),
    /// A market is closed, and listed again at the same addresses: both or neither.
    Relist(usize),
    /// Time, or a publisher; or what only the creation of an account can set.
    Outside(Op),
}

/// A market on the chain.
pub struct Place {
    pub keys: MarketKeys,
    /// The other account of the feed.
    pub other: Pubkey,
    feed: Pubkey,
    signers: [Arc<Keypair>; 2],
}

/// The exchange on a chain.
pub struct Mirror {
    pub chain: Chain,
    pub venue: Venue,
    pub places: Vec<Place>,
    pub traders: Vec<Trader>,
    pub stranger: Trader,
    /// Who has, had or may get a role.
    pub keys: Vec<Arc<Keypair>>,
    /// Number of the proposal's account, by the model's.
    pub accounts_of_proposals: Vec<u64>,
    numbers: HashMap<[u8; 32], usize>,
    pub proposals: u64,
}

impl Mirror {
    /// As the session begins: markets listed and open, everybody with an empty margin account.
    pub async fn start(session: &Session) -> Self {
        let mut chain = Chain::start().await.unwrap();
        chain.set_checks(Checks { audit_every: AUDIT_EVERY });
        chain.set_time(session.outside.slot, session.outside.seconds);
        let mint = keypair("model mint").pubkey();
        chain.set_account(&mint, mint_bytes(QUOTE_DECIMALS));
        let venue = Venue::create_with_timelock(&mut chain, "model", mint, TIMELOCK_SLOTS).await.unwrap();
        let stranger = Trader::create(&mut chain, &venue, "stranger", 0, 0).await.unwrap();
        let mut traders = Vec::new();
        for who in 0..session.engine.accounts.len() {
            traders.push(Trader::create(&mut chain, &venue, &format!("model {who}"), 0, 0).await.unwrap());
        }
        let numbers = traders.iter().enumerate().map(|(who, trader)| (trader.margin.to_bytes(), who)).collect();
        let places = (0..session.setup.params.len()).map(|market| Place::new(&venue.keys, market)).collect();
        let others = (2..KEYS).map(|key| Arc::new(keypair(&format!("model key {key}"))));
        let keys: Vec<_> = [venue.admin.clone(), venue.guardian.clone()].into_iter().chain(others).collect();
        keys.iter().for_each(|key| chain.fund(&key.pubkey(), KEY_LAMPORTS));
        let mut mirror = Self {
            chain,
            venue,
            places,
            traders,
            stranger,
            keys,
            accounts_of_proposals: Vec::new(),
            numbers,
            proposals: 0,
        };
        for market in 0..mirror.places.len() {
            mirror.publish(session, market, false);
            mirror.publish(session, market, true);
        }
        for market in 0..session.engine.venues.len() {
            let (instructions, signers) = mirror.listing(session, market);
            let signers: Vec<&Keypair> = signers.iter().map(Arc::as_ref).collect();
            mirror.chain.send(&instructions, &signers).await.unwrap();
            // The session begins when the listing's timelock is over.
            let key = mirror.places[market].keys.market;
            mirror.chain.forge(&key, |market: &mut Market| market.opens_slot = session.outside.slot).unwrap();
        }
        assert_eq!(mirror.difference(session), None, "before anything was done");
        mirror
    }

    /// The instructions that list a market, at accounts that do not exist.
    pub fn listing(&self, session: &Session, market: usize) -> (Vec<Instruction>, Vec<Arc<Keypair>>) {
        let (place, admin) = (&self.places[market], self.admin(session));
        let listing = Listing {
            params: session.engine.venues.get(market).map_or(session.setup.params[market], |venue| venue.state.params),
            oracle_kind: u8::from(market != PUSH),
            oracle_key: place.feed,
            name: [b'm'; 16],
        };
        let payer = self.chain.payer();
        let instructions = vec![
            create_zeroed_account(&payer, &place.keys.market, Market::SPACE),
            create_zeroed_account(&payer, &place.keys.order_book, OrderBook::SPACE),
            create_market(admin.pubkey(), &place.keys, &listing),
        ];
        let [market, book] = place.signers.clone();
        (instructions, vec![admin, market, book])
    }

    fn publish(&mut self, session: &Session, market: usize, other: bool) {
        let place = &self.places[market];
        let feed = session.outside.feeds[market][usize::from(other)];
        let reading = feed.reading;
        let published = PublishedPrice {
            price: reading.price,
            confidence: reading.confidence,
            exponent: reading.exponent,
            ema_price: reading.ema_price,
            ema_confidence: reading.confidence,
            publish_time_seconds: reading.publish_time_seconds,
            previous_publish_time_seconds: reading.publish_time_seconds.saturating_sub(1),
            slot: session.outside.slot,
        };
        let (data, owner) = if market == PUSH {
            let status = if feed.trading { PushStatus::Trading } else { PushStatus::Halted };
            (push_account(&published, status), PYTH_PUSH_MAINNET)
        } else {
            let writer = keypair("poster").pubkey().to_bytes();
            (pull_account(&published, &place.feed.to_bytes(), Verification::Full, &writer), PYTH_PULL)
        };
        let account = Account { lamports: ORACLE_LAMPORTS, data, owner, executable: false, rent_epoch: u64::MAX };
        let key = if other { place.other } else { place.keys.oracle };
        self.chain.set_account(&key, account);
    }

    fn pay_out_tokens(&mut self) {
        for trader in self.traders.iter().chain([&self.stranger]) {
            if self.chain.tokens(&trader.token_account) != TOKENS {
                let tokens = token_account_bytes(&self.venue.keys.quote_mint, &trader.key(), TOKENS);
                self.chain.set_account(&trader.token_account, tokens);
            }
        }
    }

    /// Does it on the chain. The session has done it already.
    pub async fn carry_out(&mut self, session: &Session, call: Call) -> Result<Result<(), Box<Refusal>>, HarnessError> {
        let (slot, seconds) = (session.outside.slot, session.outside.seconds);
        match call {
            Call::Outside(Op::AlwaysFullClose { who, wanted }) => {
                let key = self.traders[who].margin;
                let set = |account: &mut MarginAccount| account.state.always_full_close = u8::from(wanted);
                self.chain.forge(&key, set).map(Ok)
            }
            Call::Outside(op) => {
                self.chain.set_time(slot, seconds);
                if let Op::Publish { market, other, .. } = op {
                    self.publish(session, market, other);
                }
                Ok(Ok(()))
            }
            Call::Send(instructions, signers) => {
                self.pay_out_tokens();
                self.send(&instructions, &signers).await
            }
            Call::Relist(market) => {
                let before = self.chain.snapshot();
                let admin = self.admin(session);
                let close = close_market(admin.pubkey(), &self.places[market].keys, admin.pubkey());
                if let Err(refusal) = self.send(&[close], &[admin]).await? {
                    return Ok(Err(refusal));
                }
                let (instructions, signers) = self.listing(session, market);
                let listed = self.send(&instructions, &signers).await?;
                if listed.is_err() {
                    self.chain.restore(&before);
                }
                Ok(listed)
            }
            Call::Both([first, second], signer) => {
                if let Err(refusal) = self.send(&[first], std::slice::from_ref(&signer)).await? {
                    return Ok(Err(refusal));
                }
                self.send(&[second], &[signer]).await
            }
            Call::Proposal(by, proposal) => {
                let signer = self.keys[by].clone();
                let proposed = self.send(&[proposal], &[signer]).await?;
                if proposed.is_ok() {
                    self.accounts_of_proposals.push(self.proposals);
                    self.proposals += 1;
                }
                Ok(proposed)
            }
            Call::List(market) => {
                let (instructions, signers) = self.listing(session, market);
                self.send(&instructions, &signers).await
            }
            Call::Propose(market, action) => {
                let (exchange, index) = (self.venue.keys.exchange, self.proposals);
                let key = Some(self.places[market].keys.market);
                let (admin, timelock) = (self.admin(session), session.roles.timelock_slots);
                let proposal = propose(admin.pubkey(), exchange, key, index, *action);
                self.chain.set_time(slot - timelock, seconds);
                let proposed = self.send(&[proposal], &[admin]).await;
                self.chain.set_time(slot, seconds);
                if let Err(refusal) = proposed? {
                    return Ok(Err(refusal));
                }
                self.proposals += 1;
                self.send(&[apply_proposal(exchange, index, key, None)], &[]).await
            }
        }
    }

    pub async fn send(
        &mut self,
        instructions: &[Instruction],
        signers: &[Arc<Keypair>],
    ) -> Result<Result<(), Box<Refusal>>, HarnessError> {
        let signers: Vec<&Keypair> = signers.iter().map(Arc::as_ref).collect();
        match self.chain.send(instructions, &signers).await {
            Ok(_) => Ok(Ok(())),
            Err(HarnessError::Refused(refusal)) => Ok(Err(refusal)),
            Err(error) => Err(error),
        }
    }

    /// What is not the same on the host and in the accounts.
    pub fn difference(&self, session: &Session) -> Option<String> {
        let markets = (0..session.engine.venues.len()).find_map(|market| self.market_difference(session, market));
        let accounts = || (0..self.traders.len()).find_map(|who| self.account_difference(session, who));
        markets
            .or_else(accounts)
            .or_else(|| self.exchange_difference(session))
            .or_else(|| self.roles_difference(session))
    }

    fn market_difference(&self, session: &Session, market: usize) -> Option<String> {
        let (venue, keys) = (&session.engine.venues[market], &self.places[market].keys);
        let found: &Market = self.chain.load(&keys.market).ok()?;
        let header = size_of::<MarketState>() - size_of_val(&venue.state.seats.rows);
        let (expected, bytes) = (bytemuck::bytes_of(&*venue.state), bytemuck::bytes_of(&found.state));
        if let Some(at) = (0..header).find(|at| expected[*at] != bytes[*at]) {
            return Some(format!("market {market}: its state differs at byte {at}"));
        }
        let rows = venue.state.seats.rows.iter().zip(&found.state.seats.rows);
        let touched = venue.state.seats.touched_count as usize;
        let differs = |(expected, found): &(&Seat, &Seat)| {
            bytemuck::bytes_of(*expected) != bytemuck::bytes_of(&self.as_in_model(found))
        };
        if let Some(seat) = rows.take(touched).position(|pair| differs(&pair)) {
            return Some(format!("market {market}: seat {seat} differs"));
        }
        let (program, host) = ((found.status, found.opens_slot), (venue.status, venue.opens_slot));
        if program != host {
            return Some(format!(
                "market {market}: status and opening {program:?} in the program, {host:?} on the host"
            ));
        }
        let book: &OrderBook = self.chain.load(&keys.order_book).ok()?;
        for side in [Side::Bid, Side::Ask] {
            let (program, host) = (book.book.orders(side), venue.book.orders(side));
            if bytemuck::cast_slice::<_, u8>(program) != bytemuck::cast_slice::<_, u8>(host) {
                let (program, host) = (program.len(), host.len());
                return Some(format!("market {market}, {side:?}: {program} orders in the program, {host} on the host"));
            }
        }
        (book.book.next_sequence != venue.book.next_sequence).then(|| format!("market {market}: sequence of the book"))
    }

    /// A seat with its owner named as in the model.
    fn as_in_model(&self, seat: &Seat) -> Seat {
        let owner = self.numbers.get(&seat.owner).map_or(seat.owner, |who| owner(*who));
        Seat { owner, ..*seat }
    }

    fn account_difference(&self, session: &Session, who: usize) -> Option<String> {
        let expected = &session.engine.accounts[who];
        let found: &MarginAccount = self.chain.load(&self.traders[who].margin).ok()?;
        if bytemuck::bytes_of(&found.state) != bytemuck::bytes_of(&expected.state) {
            return Some(format!("account {who}: {:?} in the program, {:?} on the host", found.state, expected.state));
        }
        let number = |key: &Pubkey| self.places.iter().position(|place| place.keys.market == *key);
        let positions = found
            .positions
            .iter()
            .map(|held| (held.in_use == 1).then(|| (number(&held.market).unwrap_or(usize::MAX), held.seat_index)));
        (!positions.eq(expected.positions.iter().copied())).then(|| format!("account {who}: positions"))
    }

    fn exchange_difference(&self, session: &Session) -> Option<String> {
        let ExchangeKeys { exchange, vault, .. } = self.venue.keys;
        let found: &Exchange = self.chain.load(&exchange).ok()?;
        let program = (
            self.chain.tokens(&vault),
            [found.insurance_atoms, found.fees_atoms, found.recorded_deficit_atoms, found.held_loss_atoms],
            (found.status, found.paused_slot),
        );
        let host = &session.engine.exchange;
        let host = (host.vault, [host.insurance, host.fees, host.recorded, host.held], (host.status, host.paused_slot));
        (program != host).then(|| format!("exchange: {program:?} in the program, {host:?} on the host"))
    }
}

impl Place {
    fn new(exchange: &ExchangeKeys, market: usize) -> Self {
        let key = |what: &str| Arc::new(keypair(&format!("model {what} {market}")));
        let signers = [key("market"), key("book")];
        let oracle = key("oracle").pubkey();
        let keys = MarketKeys {
            exchange: exchange.exchange,
            market: signers[0].pubkey(),
            order_book: signers[1].pubkey(),
            oracle,
        };
        let feed = if market == PUSH { oracle } else { key("feed").pubkey() };
        Self { keys, other: key("other oracle").pubkey(), feed, signers }
    }
}
