use taper_engine::quantity::Side;
use taper_harness::*;
use taper_sdk::instruction;

#[tokio::main]
async fn main() {
    wide().await;
    let mut w = World::new().await.unwrap();
    let o = w.deposit("alice", 1_000_000).await.unwrap();
    println!("deposit cheap {}", o.program_units());
    let o = w.place("alice", 0, order(Side::Bid, 1_400_000, 100)).await.unwrap();
    println!("place resting first (seat) {}", o.program_units());
    let o = w.place("alice", 0, order(Side::Bid, 1_390_000, 100)).await.unwrap();
    println!("place resting {}", o.program_units());
    let b = w.book(0).unwrap(); let x = b.book.orders(Side::Bid).iter().find(|o| o.price_atoms_per_lot==1_390_000).unwrap();
    let args = taper::instructions::CancelOrderArgs { side: 0, price_atoms_per_lot: 1_390_000, sequence: x.sequence };
    let t = w.trader("alice"); let keys = w.market(0).unwrap().keys;
    let i = instruction::cancel_order(t.key(), &keys, t.margin, args);
    let o = w.chain.send(&[i], &[&t.keypair]).await.unwrap();
    println!("cancel {}", o.program_units());
    let i = instruction::cancel_all_orders(t.key(), &keys, t.margin, taper::instructions::CancelAllOrdersArgs { side: 2, limit: 32 });
    let o = w.chain.send(&[i], &[&t.keypair]).await.unwrap();
    println!("cancel_all 1 {}", o.program_units());
    let o = w.withdraw("alice", 1_000_000).await.unwrap();
    println!("withdraw 1 leg {}", o.program_units());
    // one level
    let o = w.take("bob", 0, Side::Bid, 1_000).await.unwrap();
    println!("take 1 level first {}", o.program_units());
    let o = w.take("bob", 0, Side::Ask, 1_000).await.unwrap();
    println!("take 1 level {}", o.program_units());
    let o = w.take("maker", 0, Side::Ask, 100).await;
    println!("{:?}", o.map(|o| o.program_units()).is_ok());
    // 4 levels: quote small
    w.quote("maker", 0, Quotes { levels: 8, base_lots: 1_000, step_atoms_per_lot: 500 }).await.unwrap();
    let o = w.take("alice", 0, Side::Bid, 4_000).await.unwrap();
    println!("take 4 levels {} ", o.program_units());
    w.take("dave", 0, Side::Ask, 4_000).await.unwrap();
    w.quote("maker", 0, World::QUOTES).await.unwrap();
    w.take("alice", 0, Side::Bid, 6_000).await.unwrap();
    w.pass(10).unwrap();
    w.set_price(0, 1_430_000).unwrap();
    w.quote("maker", 0, World::QUOTES).await.unwrap();
    let args = w.liquidate_args("alice", 0).unwrap();
    let snap = w.chain.snapshot();
    let p = w.payout_in_tokens("carol");
    let r = w.liquidate_with("carol", "alice", 0, &p, args).await.unwrap();
    println!("liq token 1 level {} fills {}", r.1.program_units(), r.0.fills);
    w.chain.restore(&snap);
    let (r, o) = w.liquidate("carol", "alice", 0).await.unwrap();
    println!("liq credit 1 level {} fills {}", o.program_units(), r.fills);
    w.chain.restore(&snap);
    let o = w.absorb("carol", "alice", 0, args).await.unwrap();
    println!("absorb {}", o.program_units());

    // eight legs
    let mut w = World::with_markets(8).await.unwrap();
    w.deposit("alice", 9_000_000_000).await.unwrap();
    for m in 0..8 { w.take("alice", m, Side::Bid, 8_000).await.unwrap(); }
    w.pass(10).unwrap();
    for m in 0..8 { w.set_price(m, 1_400_000).unwrap(); }
    w.quote("maker", 0, Quotes { levels: 8, base_lots: 700, step_atoms_per_lot: 500 }).await.unwrap();
    println!("{:?}", w.health("alice").unwrap());
    for m in 0..8 { w.set_price(m, 1_370_000).unwrap(); }
    w.quote("maker", 0, Quotes { levels: 8, base_lots: 700, step_atoms_per_lot: 500 }).await.unwrap();
    println!("{:?}", w.health("alice").unwrap());
    let args = w.liquidate_args("alice", 0).unwrap();
    let p = w.payout_in_tokens("carol");
    match w.liquidate_with("carol", "alice", 0, &p, args).await {
      Ok(r) => println!("liq 8 legs {} fills {}", r.1.program_units(), r.0.fills), Err(e) => println!("{e:?}") }
}
#[allow(dead_code)]
async fn wide() {
    let mut w = World::new().await.unwrap();
    w.cancel_all("maker", 0).await.unwrap();
    w.deposit("carol", 50_000_000_000).await.unwrap();
    w.deposit("alice", 9_000_000_000).await.unwrap();
    for i in 0..32i64 { 
        w.place("maker", 0, order(Side::Ask, 1_501_000 + i * 100, 100)).await.unwrap();
    }
    for i in 0..30i64 {
        w.place("alice", 0, order(Side::Bid, 1_400_000 + i * 100, 100)).await.unwrap();
    }
    let o = w.take("alice", 0, Side::Bid, 3_200).await.unwrap();
    println!("take 32 {} log {}", o.program_units(), o.logs.iter().map(|l| l.len()).sum::<usize>());
    // slice with 30 own orders cancelled and 32 fills
    for i in 0..32i64 { 
        w.place("maker", 0, order(Side::Bid, 1_450_000 + i * 100, 70)).await.unwrap();
    }
    w.take("alice", 0, Side::Ask, 100).await.ok();
    w.pass(10).unwrap();
    for p in [1_300_000i64, 1_250_000, 1_225_000, 1_210_000, 1_200_000, 1_190_000, 1_180_000, 1_170_000, 1_160_000, 1_150_000, 1_130_000, 1_100_000, 1_000_000] {
    let _ = p;
    }
    let h = w.health("alice").unwrap();
    println!("{h:?} base {}", w.base("alice", 0).unwrap());
}
