use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price};

use super::*;

fn params() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(1_500_000), calm_depth_lots: BaseLots(2_000_000) };
    default_params(&sizing).unwrap()
}

#[test]
fn what_is_written_is_read_again() {
    let text = toml::to_string(&Whole::from(&params())).unwrap();
    let read: Whole = toml::from_str(&text).unwrap();
    assert_eq!(MarketParams::from(&read), params());
    assert_eq!(differences(&MarketParams::from(&read), &params()), []);
}

/// A field that the list forgets would be lost in a file and not be noticed as a difference.
#[test]
fn every_field_of_the_engine_is_in_the_list() {
    let text = toml::to_string(&Whole::from(&params())).unwrap();
    let of_text = text.parse::<toml::Table>().unwrap();
    // Debug names every field; `tier_count` is the number of tiers, `reserved` is nobody's.
    let debug = format!("{:#?}", params());
    let of_engine = debug.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| !line.starts_with(' '));
    let of_engine = of_engine.filter_map(|line| line.split_once(':')).map(|(name, _)| name);
    let of_engine: Vec<&str> = of_engine.filter(|name| !["tier_count", "reserved"].contains(name)).collect();
    assert_eq!(of_engine.len(), of_text.len(), "{of_engine:?}");
    assert!(of_engine.iter().all(|name| of_text.contains_key(*name)), "{of_engine:?}");
}

#[test]
fn overrides_replace_what_they_name_and_nothing_else() {
    let overrides: Overrides =
        toml::from_str("stall_slots = 77\n[[tiers]]\nnotional_cap_atoms = 9\nmmr_bps = 300\nimr_bps = 600\n").unwrap();
    let mut changed = params();
    overrides.apply(&mut changed);
    assert_eq!((changed.stall_slots, changed.tier_count, changed.tiers[0].notional_cap_atoms), (77, 1, 9));
    assert!(changed.tiers[1..].iter().all(|tier| tier.mmr_bps == 0));
    let names: Vec<String> = differences(&params(), &changed).into_iter().map(|found| found.field).collect();
    assert!(names.contains(&"stall_slots".to_owned()) && names.contains(&"tier 1".to_owned()), "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("tier") || name == "stall_slots"), "{names:?}");
    let nothing: Overrides = toml::from_str("").unwrap();
    let mut same = params();
    nothing.apply(&mut same);
    assert_eq!(same, params());
}

#[test]
fn a_wrong_shape_is_refused_with_its_line() {
    let point = "[[ladder]]\nhealth_bps = 1\npenalty_bps_of_mmr = 1\ncost_cap_bps_of_mmr = 1\ncooldown_slots = 1\n";
    for (text, line, told) in [
        ("\nstall_slot = 7\n", 2, "unknown field `stall_slot`"),
        ("stall_slots = \"x\"\n", 1, "invalid type: string \"x\", expected u32"),
        ("base_lot_exponent = 1\n", 1, "unknown field `base_lot_exponent`"),
        (point, 1, "a ladder has 4 points, here are 1"),
    ] {
        let refusal = toml::from_str::<Overrides>(text).unwrap_err().to_string();
        assert!(refusal.contains(told) && refusal.contains(&format!("line {line}")), "{refusal}");
    }
}
