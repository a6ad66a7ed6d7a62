use super::*;

const FILES: [(&str, &str); 3] = [
    ("localnet", include_str!("../../clusters/localnet.toml")),
    ("devnet", include_str!("../../clusters/devnet.toml")),
    ("mainnet", include_str!("../../clusters/mainnet.toml")),
];

fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn environment(name: &str) -> Option<String> {
    let byte = match name {
        "TAPER_ADMIN" => 1,
        "TAPER_GUARDIAN" => 2,
        _ => return None,
    };
    Some(key(byte).to_string())
}

fn refusal(text: &str) -> String {
    format!("{:#}", Desired::parse(text, environment).unwrap_err())
}

#[test]
fn the_files_are_sound_and_name_the_oracles_of_pyth() {
    // Account of shard 0 and feed, as docs.pyth.network/price-feeds/sponsored-feeds/solana lists them for mainnet and devnet.
    let sol = "7UVimffxr9ow1uXYxsr4LHAcV58mLzhmwaeKvJ1pjLiE".parse().unwrap();
    for (name, text) in FILES {
        let desired = Desired::parse(text, environment).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let market = &desired.markets[0];
        assert_eq!(
            (market.name.as_str(), market.oracle.account, market.oracle.kind),
            ("SOL", sol, ORACLE_PYTH_PULL),
            "{name}"
        );
        assert_eq!(desired.exchange.admin, key(1));
    }
}

#[test]
fn the_other_feeds_lead_to_the_accounts_that_pyth_sponsors() {
    let desired = Desired::parse(FILES[2].1, environment).unwrap();
    let accounts: Vec<String> = desired.markets.iter().map(|market| market.oracle.account.to_string()).collect();
    let (btc, eth) = ("4cSM2e6rvbGQUFiJbqytoVMi5GgghSMr8LwVrT9VPSPo", "42amVS4KgzR9rA28tkVYqVXjq9Qa8dcZQMbH5EYFX6XC");
    assert_eq!(accounts[1..], [btc, eth]);
}

#[test]
fn real_accounts_are_those_of_their_feed() {
    // The address column of tests/data/pyth/index.csv for the price account on devnet of September 2026.
    let index = include_str!("../../../tests/data/pyth/index.csv");
    let sol = feed_of("ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d").unwrap();
    assert!(index.contains(&feed_account(&sol, 0).to_string()));
}

#[test]
fn a_malformed_file_is_named_with_its_line() {
    let (_, text) = FILES[0];
    let broken = text.replacen("index = 0", "index = zero", 1);
    let line = broken.lines().position(|line| line.contains("zero")).unwrap() + 1;
    assert!(refusal(&broken).contains(&format!("line {line}")), "{}", refusal(&broken));
    let unknown = text.replacen("index = 0", "index = 0\nindx = 1", 1);
    assert!(refusal(&unknown).contains("indx"), "{}", refusal(&unknown));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let (_, text) = FILES[1];
    for (from, to, told) in [
        ("env:TAPER_GUARDIAN", "env:TAPER_ADMIN", "must be different keys"),
        ("env:TAPER_GUARDIAN", "env:TAPER_NOBODY", "TAPER_NOBODY is not set"),
        ("env:TAPER_GUARDIAN", "nobody", "exchange.guardian: \"nobody\" is no address"),
        ("ef0d8b", "ef0d8", "oracle.feed: 64 hexadecimal digits"),
        ("name = \"SOL\"", "name = \"\"", "name: 1 to 16"),
        ("base_lot_exponent = -2", "base_lot_exponent = 30", "market \"SOL\""),
    ] {
        assert!(text.contains(from), "{from}");
        let refusal = refusal(&text.replace(from, to));
        assert!(refusal.contains(told), "{refusal}");
    }
    let hasty = text.lines().map(|line| if line.starts_with("timelock_slots") { "timelock_slots = 0" } else { line });
    assert!(refusal(&hasty.collect::<Vec<_>>().join("\n")).contains("on a local cluster only"));
}

#[test]
fn overrides_take_the_place_of_defaults_and_are_validated_with_them() {
    let (_, text) = FILES[0];
    let with = |line: &str| text.replacen("\n[market.params]", &format!("\n[market.params]\n{line}"), 1);
    assert!(text.contains("\n[market.params]"));
    let desired = Desired::parse(&with("stall_slots = 77"), environment).unwrap();
    assert_eq!(desired.markets[0].params.stall_slots, 77);
    assert!(refusal(&with("maker_band_bps = 9000")).contains("MakerBand"));
    assert!(refusal(&with("stall_slot = 7")).contains("stall_slot"));
}
