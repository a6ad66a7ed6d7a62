//! What most orders have in common.

use taper::instructions::{side_code, PlaceOrderArgs};
use taper_engine::quantity::Side;

/// A limit order that cancels own resting orders it meets, and never expires. Change what is to be different.
pub fn limit_order(side: Side, price_atoms_per_lot: i64, size_base_lots: i64) -> PlaceOrderArgs {
    PlaceOrderArgs {
        side: side_code(side),
        kind: 0,
        price_atoms_per_lot,
        size_base_lots,
        reduce_only: false,
        client_order_id: 0,
        expires_at_slot: 0,
        self_trade: 0,
    }
}
