//! Slice planning for one leg over eight levels, and the health of an account of eight legs.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use std::hint::black_box;
use taper_engine::episode::Target;
use taper_engine::ladder::{cost_cap_ppb, position_ppb_up, values_at};
use taper_engine::margin::{value_leg, Health, LegTotals, Requirement, Valuation};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms};
use taper_engine::seat::Seat;
use taper_engine::slice::{SliceInputs, SliceSolver};

fn params() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    default_params(&sizing).expect("default parameters")
}

/// Everything from health to the last fill: ladder, cost cap, solver, levels. Returns the lots closed.
fn plan(params: &MarketParams, health: Health, base: BaseLots, levels: &[(Price, BaseLots)]) -> BaseLots {
    let position = position_ppb_up(&health).expect("positive equity");
    let values = values_at(params, position).expect("a ladder");
    let inputs = SliceInputs {
        params,
        price: Price(450_000),
        base,
        health,
        target: Target::Ratio(params.target_first_bps),
        penalty_ppb_of_mmr: values.penalty_ppb_of_mmr,
        cost_cap_ppb_of_mmr: cost_cap_ppb(params, &values, 40),
        budget: Some(QuoteAtoms(4_050_000_000)),
        penalty_fund: QuoteAtoms(40_000_000_000),
        cap: base,
    };
    let mut solver = SliceSolver::new(inputs).expect("a position");
    'book: for (price, lots) in levels {
        let mut left = *lots;
        while left.is_positive() {
            match solver.step(*price, left).expect("within bounds") {
                Some(fill) => left = BaseLots(left.0 - fill.lots.0),
                None => break 'book,
            }
        }
    }
    solver.closed()
}

fn slices(criterion: &mut Criterion) {
    let params = params();
    // A long of 1,000,000 lots: M = 0.45 × 10^12 × 3%, H = 0.8. The deficit takes all eight levels, the last in part.
    let health = Health { equity: QuoteAtoms(10_800_000_000), requirement: Requirement(135_000_000_000_000) };
    let levels: Vec<_> = (0..8).map(|i| (Price(449_950 - 50 * i), BaseLots(50_000))).collect();
    let closed = plan(&params, health, BaseLots(1_000_000), &levels);
    assert!(closed.0 > 350_000 && closed.0 < 400_000, "all eight levels, the last in part: {closed:?}");
    let mut group = criterion.benchmark_group("slice");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one leg, eight levels", |bencher| {
        bencher.iter(|| plan(black_box(&params), black_box(health), BaseLots(1_000_000), black_box(&levels)))
    });
    group.finish();
}

fn healths(criterion: &mut Criterion) {
    let params = params();
    let legs: Vec<(Seat, OraclePrice)> = (0..8i64)
        .map(|i| {
            let mut seat: Seat = bytemuck::Zeroable::zeroed();
            seat.base_lots = (1_000 + 700_000 * i) * if i % 2 == 0 { 1 } else { -1 };
            seat.quote_entry_atoms = -seat.base_lots * (450_000 + i);
            let (price, confidence, ema) = (Price(449_000 + 13 * i), Price(100), Price(450_000));
            (seat, OraclePrice { price, confidence, ema, publish_time_seconds: 1, grade: Grade::Fresh })
        })
        .collect();
    let mut group = criterion.benchmark_group("health");
    group.throughput(Throughput::Elements(1));
    group.bench_function("eight legs", |bencher| {
        bencher.iter(|| {
            let mut totals = LegTotals::default();
            for (seat, price) in black_box(&legs) {
                let value = value_leg(black_box(&params), seat, QuoteAtoms::ZERO, price, Valuation::Maintenance);
                totals = totals.add(value.expect("within bounds")).expect("within bounds");
            }
            totals.with_cash(QuoteAtoms(50_000_000_000)).expect("within bounds").is_below(10_000)
        })
    });
    group.finish();
}

criterion_group!(benches, slices, healths);
criterion_main!(benches);
