//! Calls of the program: its dispatch with every instruction of the IDL, accounts that fit or nearly, arguments that make sense or nearly.

use std::sync::OnceLock;

use anchor_lang::prelude::{AnchorSerialize, Pubkey};
use serde_json::Value;
use taper::state::{Exchange, MarginAccount, Market, Proposal};

use super::chain::{Meta, Row};
use super::world::World;

/// Calls of one input at most.
const CALLS: usize = 12;

/// The input, byte by byte; zeroes once it has ended.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self, bytes: usize) -> u64 {
        (0..bytes).fold(0, |number, nth| number | u64::from(self.byte()) << (8 * nth))
    }

    fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }
}

fn idl() -> &'static Value {
    static IDL: OnceLock<Value> = OnceLock::new();
    IDL.get_or_init(|| serde_json::from_str(include_str!("../../idls/taper.json")).expect("the IDL"))
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn has(value: &Value, field: &str) -> bool {
    value[field].as_bool().unwrap_or(false)
}

/// Who an instruction is about.
struct Cast {
    market: usize,
    margin: usize,
    other: usize,
    proposal: Option<usize>,
}

/// Each step is a tick of the clock, a price, or a call.
///
/// # Panics
/// If the program panics, does what no runtime would let it do, or leaves the world with a broken invariant.
pub fn instruction(data: &[u8]) {
    run(data);
}

/// Accounts of the program that nobody can have written so: a few bytes of one are others, and then it is called. It refuses or succeeds, and
/// never panics: a bound that some other account is trusted to keep is checked all the same.
///
/// # Panics
/// If the program panics, or does what no runtime would let it do.
pub fn account_bytes(data: &[u8]) {
    let (mut bytes, mut world) = (Bytes(data), World::saved());
    let ours: Vec<usize> =
        (0..world.chain.rows.len()).filter(|row| world.chain.rows[*row].owner == taper::ID).collect();
    for _ in 0..=bytes.byte() % 4 {
        let row = &mut world.chain.rows[ours[bytes.below(ours.len())]];
        // Mostly the head: behind it there are rows and rows of the same.
        let (at, length) = match bytes.byte() % 4 {
            0 => (bytes.number(3) as usize, 8),
            1 => (bytes.number(1) as usize, 1),
            _ => (bytes.number(2) as usize / 4 % 256 * 8, 8),
        };
        let at = at % row.data.len();
        for place in row.data.iter_mut().skip(at).take(length) {
            *place = bytes.byte();
        }
    }
    call(&mut world, &mut bytes, false);
}

/// As [`instruction`]. Names of the instructions that did what was asked of them.
pub fn run(data: &[u8]) -> Vec<&'static str> {
    let (mut bytes, mut world, mut calls, mut done) = (Bytes(data), World::saved(), 0, Vec::new());
    while !bytes.0.is_empty() && calls < CALLS {
        match bytes.byte() % 8 {
            0 => {
                let (slots, seconds) = (bytes.number(2), bytes.byte());
                world.chain.slot += slots;
                world.chain.seconds += i64::from(seconds);
            }
            1 => {
                let market = world.markets[bytes.below(world.markets.len())];
                let (moved, age) = (i64::from(bytes.byte().cast_signed()), i64::from(bytes.byte() % 96));
                world.publish(market, 1_000 + moved, age);
            }
            _ => {
                calls += 1;
                done.extend(call(&mut world, &mut bytes, true));
            }
        }
    }
    done
}

fn call(world: &mut World, bytes: &mut Bytes<'_>, is_sound: bool) -> Option<&'static str> {
    let all = list(idl(), "instructions");
    let chosen = &all[bytes.below(all.len())];
    let cast = Cast {
        market: world.markets[bytes.below(world.markets.len())],
        margin: world.margins[bytes.below(world.margins.len())],
        other: world.margins[bytes.below(world.margins.len())],
        proposal: world.proposals.get(bytes.below(world.proposals.len())).copied(),
    };
    let slots = list(chosen, "accounts");
    let mut metas: Vec<Meta> = Vec::new();
    let without = bytes.byte();
    for (nth, slot) in slots.iter().enumerate() {
        let name = slot["name"].as_str().unwrap_or_default();
        let is_left_out = has(slot, "optional") && without >> (nth % 8) & 1 == 1;
        let row = if is_left_out { world.row(taper::ID) } else { fitting(world, &cast, chosen, name) };
        let (is_signer, is_writable) = (has(slot, "signer"), has(slot, "writable"));
        metas.push(Meta { row, is_signer: is_signer && !is_left_out, is_writable: is_writable && !is_left_out });
    }
    let market = world.chain.rows[cast.market].key;
    let (legs, writes) =
        (bytes.byte(), slots.iter().any(|slot| slot["name"] == "margin_account" && has(slot, "writable")));
    let except = slots.iter().any(|slot| slot["name"] == "market").then_some(market);
    if legs < 224 {
        metas.extend(world.legs(cast.margin, except, writes && legs & 1 == 1));
    }
    if chosen["name"] == "absorb" || legs & 62 == 62 {
        metas.extend(world.legs(cast.other, except, false));
    }
    for _ in 0..bytes.byte().saturating_sub(160) >> 5 {
        deviate(world, bytes, &mut metas);
    }
    let mut data: Vec<u8> = list(chosen, "discriminator").iter().map(|byte| byte.as_u64().unwrap_or(0) as u8).collect();
    for argument in list(chosen, "args") {
        encode(&argument["type"], world, &cast, bytes, &mut data);
    }
    if bytes.byte() > 240 {
        // Something else altogether, or a piece of it.
        let (at, length) = (bytes.below(data.len()), bytes.below(64));
        data.truncate(at);
        data.extend((0..length).map(|_| bytes.byte()));
    }
    let before = cfg!(debug_assertions).then(|| world.chain.rows.clone());
    match world.chain.call(&metas, &data) {
        Ok(()) if is_sound => assert_eq!(world.broken(), None, "after {}", chosen["name"]),
        Ok(()) => {}
        Err(_) => {
            assert!(before.is_none_or(|before| before == world.chain.rows), "a refusal changed something");
            return None;
        }
    }
    chosen["name"].as_str()
}

/// The account that belongs into a slot of this name.
fn fitting(world: &mut World, cast: &Cast, instruction: &Value, name: &str) -> usize {
    let owner_of = |world: &World, margin: usize| world.of::<MarginAccount>(margin).map(|account| account.authority);
    let Some(&exchange) = world.of::<Exchange>(world.exchange) else { return world.exchange };
    let market = world.of::<Market>(cast.market).map(|market| market.order_book);
    let (owner, other) = (owner_of(world, cast.margin), owner_of(world, cast.other));
    let proposer = cast.proposal.and_then(|row| world.of::<Proposal>(row)).map(|proposal| proposal.proposer);
    let is_of_a_role =
        ["cancel_proposal", "set_status", "tighten_limits"].iter().any(|name| instruction["name"] == *name);
    let key = match name {
        "exchange" => return world.exchange,
        "market" => return cast.market,
        "oracle" => return world.oracle(cast.market).unwrap_or(cast.market),
        "margin_account" => return cast.margin,
        "caller_margin_account" => return cast.other,
        "proposal" if cast.proposal.is_some() => return cast.proposal.unwrap_or_default(),
        "depositor_token_account" | "token_account" | "donor_token_account" | "caller_token_account" => {
            let holder = if name == "caller_token_account" { other } else { owner };
            let found = world.tokens_of(&holder.unwrap_or_default(), &exchange.quote_mint);
            return found.unwrap_or(cast.margin);
        }
        "order_book" => market,
        "vault" => Some(exchange.vault),
        "quote_mint" => Some(exchange.quote_mint),
        "token_program" => Some(exchange.token_program),
        "admin" | "cosigner" | "recipient" => Some(exchange.admin),
        "authority" if is_of_a_role => Some(exchange.guardian),
        "nominee" => Some(exchange.pending_admin),
        "proposer" => proposer,
        "caller" => other,
        _ => owner,
    };
    world.row(key.unwrap_or_default())
}

/// One account is another than it should be, or may do more or less than it should.
fn deviate(world: &mut World, bytes: &mut Bytes<'_>, metas: &mut Vec<Meta>) {
    let (at, how, which) = (bytes.below(metas.len()), bytes.byte(), bytes.byte());
    let Some(meta) = metas.get_mut(at) else { return };
    match how % 8 {
        0 | 1 => meta.row = usize::from(which) % world.chain.rows.len(),
        2 => meta.is_signer = !meta.is_signer,
        3 => meta.is_writable = !meta.is_writable,
        4 => drop(metas.remove(at)),
        5 => {
            let same = metas[usize::from(which) % metas.len()];
            metas[at].row = same.row;
        }
        6 => {
            let same = metas[at];
            metas.push(same);
        }
        // The same bytes at another address; of another program, or not.
        _ => {
            let copied = &world.chain.rows[meta.row];
            let owner = if how & 8 == 0 { Pubkey::new_from_array([which; 32]) } else { copied.owner };
            // What the program owns nobody else can have written: only a foreigner's may be a copy.
            let owner = if owner == taper::ID { Pubkey::default() } else { owner };
            let row = Row { key: Pubkey::new_from_array([which ^ 0x55; 32]), owner, ..copied.clone() };
            if world.chain.rows.iter().all(|known| known.key != row.key) {
                world.chain.rows.push(row);
                meta.row = world.chain.rows.len() - 1;
            }
        }
    }
}

/// A value of an IDL type.
fn encode(kind: &Value, world: &World, cast: &Cast, bytes: &mut Bytes<'_>, out: &mut Vec<u8>) {
    let width = |name: &str| name.get(1..).and_then(|bits| bits.parse::<usize>().ok()).map(|bits| bits / 8);
    match kind.as_str() {
        Some("bool") => out.push(bytes.byte() & 1),
        Some("pubkey") => {
            let row = bytes.below(world.chain.rows.len());
            out.extend_from_slice(world.chain.rows[row].key.as_ref());
        }
        Some(name) => {
            let width = width(name).unwrap_or(0);
            let value = number(world, cast, bytes, width);
            out.extend_from_slice(&value.to_le_bytes()[..width.min(8)]);
            out.resize(out.len() + width.saturating_sub(8), 0);
        }
        None if kind["defined"]["name"] == "MarketParams" => params(world, cast, bytes, out),
        None if kind["defined"].is_object() => {
            let defined = list(idl(), "types").iter().find(|known| known["name"] == kind["defined"]["name"]);
            let Some(defined) = defined.map(|known| &known["type"]) else { return };
            let variants = list(defined, "variants");
            let fields = if variants.is_empty() {
                defined
            } else {
                let variant = bytes.below(variants.len());
                out.push(variant as u8);
                &variants[variant]
            };
            list(fields, "fields").iter().for_each(|field| encode(&field["type"], world, cast, bytes, out));
        }
        None if kind["array"].is_array() => {
            let count = kind["array"][1].as_u64().unwrap_or(0);
            (0..count).for_each(|_| encode(&kind["array"][0], world, cast, bytes, out));
        }
        None => {
            out.push(bytes.byte() & 1);
            if out.last() == Some(&1) {
                encode(&kind["option"], world, cast, bytes, out);
            }
        }
    }
}

/// A number: small, near the market's price, what the account has, or any.
fn number(world: &World, cast: &Cast, bytes: &mut Bytes<'_>, width: usize) -> u64 {
    let how = bytes.byte();
    if width == 1 {
        return u64::from(how % 8);
    }
    let market = world.of::<Market>(cast.market).map(|market| &market.state);
    let signed = |value: i64| value.cast_unsigned();
    match how >> 5 {
        0 | 1 => u64::from(how),
        2 => bytes.number(2),
        3 => {
            let (price, tick) = market.map_or((1, 1), |state| {
                (state.last_price.price_atoms_per_lot, state.params.tick_size_atoms_per_lot.max(1))
            });
            let steps = i64::from(bytes.number(2) as i16);
            signed(price.saturating_add(steps.saturating_mul(tick)) / tick * tick)
        }
        4 => {
            let account = world.of::<MarginAccount>(cast.margin);
            let seat = account.and_then(|account| {
                let here = account.positions.iter().find(|used| used.market == world.chain.rows[cast.market].key);
                here.and_then(|used| market.and_then(|state| state.seats.get(used.seat_index).ok()))
            });
            match how % 4 {
                0 => signed(seat.map_or(0, |seat| seat.base_lots)),
                1 => seat.map_or(0, |seat| seat.base_lots.unsigned_abs()),
                2 => signed(account.map_or(0, |account| account.state.cash_atoms)),
                _ => world.chain.slot + u64::from(how),
            }
        }
        5 => signed(-i64::from(bytes.byte())),
        6 => 1u64.checked_shl(u32::from(bytes.byte() % 64)).unwrap_or(0).wrapping_sub(u64::from(how & 1)),
        _ => bytes.number(8),
    }
}

/// The market's parameters, with a few bytes changed.
fn params(world: &World, cast: &Cast, bytes: &mut Bytes<'_>, out: &mut Vec<u8>) {
    let Some(market) = world.of::<Market>(cast.market) else { return };
    let begin = out.len();
    market.state.params.serialize(out).expect("a vector takes all");
    for _ in 0..bytes.below(4) {
        let length = out.len() - begin;
        let at = begin + usize::try_from(bytes.number(2)).unwrap_or(0) % length;
        out[at] = bytes.byte();
    }
}
