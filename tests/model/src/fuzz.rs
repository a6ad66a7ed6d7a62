//! What the fuzz targets in `fuzz/` do with a byte string. Here, so that the committed corpus is replayed by an ordinary test
//! (`tests/corpus.rs`). Each panics on what must not be.

use bytemuck::{Pod, Zeroable};
use taper_engine::audit::{check_market, market_value};
use taper_engine::funding;
use taper_engine::margin::{requirement, value_leg, Valuation};
use taper_engine::market::{LastPrice, MarketState};
use taper_engine::oracle::{assess, frozen, last_known, Grade, OraclePrice, OracleReading};
use taper_engine::params::MarketParams;
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side, MAX_PRICE_ATOMS_PER_LOT};
use taper_engine::rank::{rank_of, swept_lately, Best};

use crate::generate::{setup, Generator};
use crate::outside::QUOTE_DECIMALS;
use crate::run::Session;

/// A target: its name (of `fuzz/fuzz_targets` and of the corpus) and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 4] = [
    ("operations", operations),
    ("market_bytes", market_bytes),
    ("parameters", parameters),
    ("oracle_reading", oracle_reading),
];

/// Operations of one input at most: the auditor is dear.
const OPERATIONS: usize = 400;
/// Operations that a market has seen before its bytes are spoilt.
const LIVED: usize = 600;

/// The first byte chooses the exchange, all others what is done to it: the auditor must agree with the engine.
///
/// # Panics
/// If it does not, or if an invariant is broken.
pub fn operations(data: &[u8]) {
    let Some((seed, choices)) = data.split_first() else { return };
    let mut session = Session::new(&setup(u64::from(*seed)));
    let mut generator = Generator::of_bytes(choices);
    for nth in 0..OPERATIONS {
        if generator.is_used_up() {
            break;
        }
        let op = generator.next(&session);
        if let Err(failure) = session.step(&op) {
            panic!("operation {nth}, {op:?}: {failure}");
        }
    }
    if let Err(failure) = session.finish() {
        panic!("at the end: {failure}");
    }
}

/// Overwrites parts of a row: two bytes say where, eight what.
fn spoil<T: Pod>(row: &mut T, patches: &[u8]) {
    let bytes = bytemuck::bytes_of_mut(row);
    for patch in patches.chunks_exact(10) {
        let at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) * 8 % bytes.len();
        let end = bytes.len().min(at + 8);
        bytes[at..end].copy_from_slice(&patch[2..2 + end - at]);
    }
}

/// A market that has lived, and its book, with bytes overwritten: whatever they say, reading them never panics, and what the checks
/// accept is what they promise.
///
/// # Panics
/// If it does, or is not.
pub fn market_bytes(data: &[u8]) {
    thread_local! {
        static WORLD: Session = lived();
    }
    let Some((first, rest)) = data.split_first() else { return };
    let Some((second, rest)) = rest.split_first() else { return };
    let (market_patches, book_patches) = rest.split_at(rest.len().min(usize::from(*second) * 10));
    WORLD.with(|world| {
        let venue = &world.engine.venues[usize::from(*first) % world.engine.venues.len()];
        let (mut market, mut book) = (venue.state.clone(), venue.book.clone());
        spoil(&mut *market, market_patches);
        spoil(&mut *book, book_patches);
        let slot = world.outside.slot;
        let _ = market_value(&market);
        if check_market(&market, &book).is_empty() {
            let bases = market.seats.rows.iter().map(|seat| i128::from(seat.base_lots));
            assert_eq!(bases.clone().sum::<i128>(), 0, "an accepted market's base sums to zero");
            let longs: i128 = bases.filter(|base| *base > 0).sum();
            assert_eq!(longs, i128::from(market.open_interest_base_lots), "its open interest is its longs");
            for side in [Side::Bid, Side::Ask] {
                assert!(book.orders(side).iter().all(|order| order.size_base_lots > 0), "its orders have lots");
            }
            let (bid, ask) = (book.best(Side::Bid), book.best(Side::Ask));
            assert!(
                bid.zip(ask).is_none_or(|(bid, ask)| bid.price_atoms_per_lot < ask.price_atoms_per_lot),
                "uncrossed"
            );
        }
        let Ok(price) = frozen(&market.last_price, &market.params, world.outside.seconds) else { return };
        for grade in [Grade::Fresh, Grade::Degraded, Grade::Frozen] {
            read_legs(&market, &OraclePrice { grade, ..price }, slot);
        }
        let _ = funding::sample(&mut market, &book, &price, slot);
    });
}

fn read_legs(market: &MarketState, price: &OraclePrice, slot: u64) {
    let legs = market.favourable_legs(price, slot);
    let window = market.params.rank_window_slots;
    for (index, seat) in (0u32..).zip(&market.seats.rows).take(64) {
        let _ = legs.value(seat);
        for valuation in [Valuation::Maintenance, Valuation::Favourable, Valuation::Initial] {
            let _ = value_leg(&market.params, seat, QuoteAtoms(0), price, valuation);
        }
        let _ = (
            swept_lately(seat, window, slot),
            rank_of(seat, price.price, window, slot),
            market.seats.get(index).is_ok(),
        );
    }
    for of in [1, -1] {
        let _ = Best::opposite(&market.seats, BaseLots(of), price.price, window, slot, i64::MAX).rows();
    }
}

fn lived() -> Session {
    let mut session = Session::new(&setup(3));
    let mut generator = Generator::new(3);
    for _ in 0..LIVED {
        let op = generator.next(&session);
        let _ = session.step(&op).expect("the auditor agrees");
    }
    session
}

/// Parameters of an exchange with bytes overwritten, or nothing but the input's: reading and checking them never panics, and those
/// that are accepted have requirements that neither fail nor fall, up to the last tier's edge, the initial above the maintenance.
///
/// # Panics
/// If it does, or they have not.
pub fn parameters(data: &[u8]) {
    let Some((seed, patches)) = data.split_first() else { return };
    let mut params = MarketParams::zeroed();
    if *seed == u8::MAX {
        let bytes = bytemuck::bytes_of_mut(&mut params);
        let length = bytes.len().min(patches.len());
        bytes[..length].copy_from_slice(&patches[..length]);
    } else {
        params = setup(u64::from(*seed)).params[0];
        spoil(&mut params, patches);
    }
    let _ = (requirement(&params, QuoteAtoms(1 << 40), false), requirement(&params, QuoteAtoms(1 << 52), true));
    assert_eq!(params.validate().is_ok(), params.violated_rule().is_none(), "what refuses is what explains");
    if params.validate().is_err() {
        return;
    }
    let mut before = requirement(&params, QuoteAtoms(0), false).expect("nothing requires nothing");
    let mut looked_at = 0;
    for tier in params.tiers() {
        let edge = i64::try_from(tier.notional_cap_atoms).expect("an edge is at most 2^50");
        // The next edge may be the next atom.
        for notional in [edge - 1, edge, edge + 1].into_iter().filter(|notional| *notional >= looked_at) {
            let maintenance = requirement(&params, QuoteAtoms(notional), false).expect("within the bounds");
            let initial = requirement(&params, QuoteAtoms(notional), true).expect("within the bounds");
            assert!(before.0 <= maintenance.0 && maintenance.0 <= initial.0, "requirements do not fall: {params:?}");
            before = maintenance;
        }
        looked_at = edge + 1;
    }
}

/// A row of plain numbers from the front of the bytes; what is missing is zero.
fn take(data: &mut &[u8]) -> i64 {
    let length = data.len().min(8);
    let (front, rest) = data.split_at(length);
    let mut word = [0; 8];
    word[..length].copy_from_slice(front);
    *data = rest;
    i64::from_le_bytes(word)
}

/// Whatever an oracle account says: reading it never panics, and a price that is accepted is within its bounds and not from the future.
///
/// # Panics
/// If it does, or is not.
pub fn oracle_reading(mut data: &[u8]) {
    let Some((seed, rest)) = data.split_first() else { return };
    data = rest;
    let params = setup(u64::from(*seed)).params[0];
    let exponent = take(&mut data);
    let reading = OracleReading {
        price: take(&mut data),
        confidence: take(&mut data).cast_unsigned(),
        exponent: if *seed % 2 == 0 { (exponent % 32) as i32 } else { exponent as i32 },
        ema_price: take(&mut data),
        publish_time_seconds: take(&mut data),
    };
    let last = LastPrice {
        price_atoms_per_lot: take(&mut data),
        publish_time_seconds: take(&mut data),
        used_slot: take(&mut data).cast_unsigned(),
    };
    let now = if *seed % 3 == 0 {
        take(&mut data)
    } else {
        reading.publish_time_seconds.saturating_add(take(&mut data) % 256)
    };
    let within = |price: &OraclePrice| {
        let range = Price(1)..=Price(MAX_PRICE_ATOMS_PER_LOT);
        assert!(
            range.contains(&price.price) && price.confidence.0 >= 0,
            "an accepted price is within its bounds: {price:?}"
        );
    };
    if let Ok(price) = assess(&reading, &params, QUOTE_DECIMALS, &last, now) {
        within(&price);
        let ahead = i128::from(price.publish_time_seconds) - i128::from(now);
        assert!(ahead <= i128::from(params.oracle_future_skew_seconds), "from the future: {price:?}, now {now}");
        assert!(price.grade != Grade::Frozen, "a reading is not frozen");
    }
    if let Ok(price) = frozen(&last_known(Some(&reading), &params, QUOTE_DECIMALS, &last, now), &params, now) {
        within(&price);
        assert_eq!(price.grade, Grade::Frozen);
    }
}
