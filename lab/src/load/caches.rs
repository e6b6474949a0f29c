//! What the headers of an answer say about the caches that it passed.

use hyper::HeaderMap;

use crate::journal::{Caches, EdgeUse, ShopUse};

/// What nginx as an edge cache says it did.
const EDGE: &str = "x-cache-status";

/// What the shop's own cache had to do with a read, and how old its value was.
const SHOP: &str = "x-cache";
const AGE_MS: &str = "x-age-ms";

/// Reads the headers; `None` when no cache says anything. Words that no cache of a stage uses say
/// nothing.
pub fn caches(headers: &HeaderMap) -> Option<Caches> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let caches = Caches {
        edge: text(EDGE).and_then(edge),
        shop: text(SHOP).and_then(shop),
        age_ms: text(AGE_MS).and_then(|age| age.parse().ok()),
    };
    (!caches.is_empty()).then_some(caches)
}

fn edge(word: &str) -> Option<EdgeUse> {
    Some(match word {
        "HIT" => EdgeUse::Hit,
        "MISS" => EdgeUse::Miss,
        "EXPIRED" => EdgeUse::Expired,
        "STALE" => EdgeUse::Stale,
        "UPDATING" => EdgeUse::Updating,
        "REVALIDATED" => EdgeUse::Revalidated,
        "BYPASS" => EdgeUse::Bypass,
        "PASS" => EdgeUse::Pass,
        _ => return None,
    })
}

fn shop(word: &str) -> Option<ShopUse> {
    Some(match word {
        "hit" => ShopUse::Hit,
        "miss" => ShopUse::Miss,
        "stale" => ShopUse::Stale,
        "off" => ShopUse::Off,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&'static str, &'static str)]) -> Option<Caches> {
        caches(&lines.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect())
    }

    #[test]
    fn each_word_of_nginx_and_of_the_shop_is_known() {
        let words =
            ["HIT", "MISS", "EXPIRED", "STALE", "UPDATING", "REVALIDATED", "BYPASS", "PASS"];
        for word in words {
            let edge = read(&[("x-cache-status", word)]).and_then(|c| c.edge).unwrap();
            assert_eq!(edge.as_str().to_uppercase(), word);
        }
        for word in ["hit", "miss", "stale", "off"] {
            let shop = read(&[("x-cache", word)]).and_then(|c| c.shop).unwrap();
            assert_eq!(shop.as_str(), word);
        }
    }

    #[test]
    fn both_caches_and_the_age_are_read() {
        let all = [("x-cache-status", "HIT"), ("x-cache", "miss"), ("x-age-ms", "17")];
        let (edge, shop) = (Some(EdgeUse::Hit), Some(ShopUse::Miss));
        assert_eq!(read(&all), Some(Caches { edge, shop, age_ms: Some(17) }));
    }

    #[test]
    fn what_no_cache_says_is_nothing() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[("content-type", "text/html"), ("x-cache", "Hit from elsewhere")]), None);
        assert_eq!(read(&[("x-age-ms", "-1")]), None);
    }
}
