//! What a mail says.

use crate::aws::Letter;
use crate::events::OrderPlaced;

/// The mail of an order. Its subject names the order, so that a mail sent twice can be counted.
pub fn letter(order: &OrderPlaced) -> Letter {
    let OrderPlaced { order_key, order_id, user_id, total_cents, .. } = order;
    Letter {
        to: format!("user-{user_id}@example.com"),
        subject: format!("Your order {order_key}"),
        text: format!(
            "Thank you. Your order {order_id} ({order_key}) costs {}.{:02}.",
            total_cents / 100,
            total_cents % 100
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_names_its_order_and_its_price() {
        let order_key = "run-1:42".to_owned();
        let order = OrderPlaced { id: 1, order_key, order_id: 9, user_id: 7, total_cents: 1205 };
        let mail = letter(&order);
        assert_eq!((&*mail.to, &*mail.subject), ("user-7@example.com", "Your order run-1:42"));
        assert!(mail.text.contains("12.05"), "{mail:?}");
    }
}
