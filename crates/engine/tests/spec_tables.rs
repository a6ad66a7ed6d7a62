//! Tables of `docs/spec.md` that must not drift from the code: the rules of parameters, the default ladder, the stages.

use taper_engine::ladder::{values_at, Stage};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price};

const SPEC: &str = include_str!("../../../docs/spec.md");
const VALIDATE: &str = include_str!("../src/validate.rs");

/// The cells of the first table after a heading, without its two head rows.
fn table_after(heading: &str) -> Vec<Vec<&'static str>> {
    let section = SPEC.split(heading).nth(1).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn every_rule_stands_in_the_specification_in_order() {
    let body = VALIDATE.split("pub enum Rule {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let variants: Vec<_> =
        body.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.is_empty()).collect();
    let table = table_after("## 14. Parameter inequalities");
    let named: Vec<_> = table.iter().map(|row| format!("{},", row[0].trim_matches('`'))).collect();
    assert_eq!(named, variants);
}

#[test]
fn the_ladder_of_the_specification_is_the_default() {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(1_487_300), calm_depth_lots: BaseLots(2_000_000) };
    let params = default_params(&sizing).unwrap();
    let bps = |cell: &str| (cell.parse::<f64>().unwrap() * 10_000.0).round() as u32;
    let table = table_after("## 6. Ladder");
    assert_eq!(table.len(), params.ladder.len());
    for (row, point) in table.iter().zip(&params.ladder) {
        assert_eq!(bps(row[0]), point.health_bps);
        assert_eq!(bps(row[1]), point.penalty_bps_of_mmr);
        assert_eq!(bps(row[2]), point.cost_cap_bps_of_mmr);
        assert_eq!(row[3].parse(), Ok(point.cooldown_slots));
        let stage = match row[4] {
            "soft" => Stage::Soft,
            "hard" => Stage::Hard,
            "backstop" => Stage::Backstop,
            other => panic!("no stage {other:?}"),
        };
        let at = u64::from(point.health_bps) * 100_000;
        assert_eq!(values_at(&params, at).unwrap().stage, stage);
    }
}

/// Every Rust file of the workspace but build output, as `(path from the root, text)`.
fn sources() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf();
    let mut found = Vec::new();
    let mut folders: Vec<_> = ["app", "crates", "programs", "tests"].iter().map(|name| root.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn what_the_invariants_cite_exists() {
    let page = include_str!("../../../docs/invariants.md");
    let sources = sources();
    let is_name = |cited: &str| cited.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    // What stands between backticks: every second part of a line.
    for cited in page.lines().flat_map(|line| line.split('`').skip(1).step_by(2)) {
        if cited.ends_with(".rs") {
            let path = cited.replacen("engine/", "crates/engine/src/", usize::from(cited.starts_with("engine/")));
            let path = path.replacen("program/", "programs/taper/src/", usize::from(path.starts_with("program/")));
            assert!(sources.iter().any(|(name, _)| *name == path), "there is no {path}");
        } else if is_name(cited) && cited.matches('_').count() >= 3 && !cited.ends_with("_lots") {
            let signature = format!("fn {cited}(");
            assert!(sources.iter().any(|(_, text)| text.contains(&signature)), "there is no test {cited}");
        } else if let Some((owner, items)) = cited.split_once("::") {
            for item in items.trim_matches(['{', '}', '*']).split(", ").filter(|item| !item.is_empty()) {
                let signature = format!("fn {item}");
                assert!(sources.iter().any(|(_, text)| text.contains(&signature)), "there is no {owner}::{item}");
            }
        }
    }
}
