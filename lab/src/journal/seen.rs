//! What a client saw of lists and of the caches on the way, as far as a check needs it.
//!
//! Kept short on purpose: many reads look at lists, and each lists some twenty items.

use serde::{Deserialize, Serialize};

/// What an operation put into a list, or was shown of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Listed {
    /// The list was shown.
    Showed(Showed),
    /// A write was acknowledged that belongs into it.
    Wrote {
        /// Which list: the path of the request that shows it.
        #[serde(alias = "topic")]
        list: String,
        /// Its number; of two the later one has the higher number.
        id: i64,
    },
}

/// A list, as it was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Showed {
    /// Which one: the path of the request.
    #[serde(alias = "topic")]
    pub list: String,
    /// Whether it was as long as it may be: what is older then has no place in it.
    pub full: bool,
    /// What the keys of this client's own writes begin with: `<prefix>-<number>`.
    pub prefix: String,
    /// The items.
    #[serde(alias = "posts")]
    pub items: Vec<ShownItem>,
}

/// An item of a list: `[57, 12]` or `57` in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ShownItem {
    /// Its number, and the number in its key, when its key begins with [`Showed::prefix`].
    Own(i64, u64),
    /// The number of one that somebody else wrote.
    Other(i64),
}

impl ShownItem {
    /// The item's number.
    pub fn id(self) -> i64 {
        match self {
            Self::Own(id, _) | Self::Other(id) => id,
        }
    }
}

impl Showed {
    /// The key of an item of this list; `None` when somebody else wrote it.
    pub fn key(&self, item: ShownItem) -> Option<String> {
        match item {
            ShownItem::Own(_, number) => Some(format!("{}-{number}", self.prefix)),
            ShownItem::Other(_) => None,
        }
    }
}

/// What the caches on the way say they had to do with an answer. The edge repeats what the application said
/// when the answer was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caches {
    /// The edge cache, in `X-Cache-Status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<EdgeUse>,
    /// The application's own cache, in `x-cache`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop: Option<ShopUse>,
    /// How long before the application's answer its value was read, in milliseconds, in `x-age-ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
}

/// What an edge cache did, in nginx's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeUse {
    /// It had the answer.
    Hit,
    /// It did not.
    Miss,
    /// It had one past its time, and fetched a new one.
    Expired,
    /// It had one past its time, and served that.
    Stale,
    /// The same, while a new one was being fetched.
    Updating,
    /// It had one past its time, of which the origin said that it still holds.
    Revalidated,
    /// The request passed by the cache.
    Bypass,
    /// No rule keeps such answers.
    Pass,
}

/// What the application's cache did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShopUse {
    /// It had the value.
    Hit,
    /// It did not.
    Miss,
    /// It had one past its time, and nothing better was to be had.
    Stale,
    /// It is out, or switched off.
    Off,
}

/// Who served an answer that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeptBy {
    /// The edge cache.
    Edge,
    /// The application's cache.
    Shop,
}

impl KeptBy {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Shop => "shop",
        }
    }
}

impl Caches {
    /// Whether there is anything to say.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Which cache the answer was taken from; `None` when it was made for this request.
    pub fn kept_by(&self) -> Option<KeptBy> {
        use EdgeUse::{Hit, Revalidated, Stale, Updating};
        match (self.edge, self.shop) {
            (Some(Hit | Stale | Updating | Revalidated), _) => Some(KeptBy::Edge),
            (_, Some(ShopUse::Hit | ShopUse::Stale)) => Some(KeptBy::Shop),
            _ => None,
        }
    }

    /// Whether the answer says of itself that it is past its time: serving it was a choice.
    pub fn is_marked_stale(&self) -> bool {
        matches!(self.edge, Some(EdgeUse::Stale | EdgeUse::Updating))
            || self.shop == Some(ShopUse::Stale)
    }
}

impl EdgeUse {
    /// The spelling in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Expired => "expired",
            Self::Stale => "stale",
            Self::Updating => "updating",
            Self::Revalidated => "revalidated",
            Self::Bypass => "bypass",
            Self::Pass => "pass",
        }
    }
}

impl ShopUse {
    /// The spelling in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Off => "off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Event, Op, OpKind, Outcome};
    use super::*;

    fn read(listed: Listed, caches: Option<Caches>) -> Entry {
        let op = Op {
            kind: OpKind::READ_FORUM,
            key: None,
            intended: 1_735_689_600_000_000,
            done: 1_735_689_600_004_321,
            outcome: Outcome::Ok,
            detail: "200".into(),
            session: None,
            values: Default::default(),
            listed: Some(listed),
            caches,
        };
        Entry { at: op.done, event: Event::Op(op) }
    }

    fn showed(items: Vec<ShownItem>) -> Listed {
        let prefix = "reads-without-primary-62ab3f54e1c3d".into();
        Listed::Showed(Showed { list: "off-topic".into(), full: true, prefix, items })
    }

    #[test]
    fn a_read_of_a_list_is_a_short_line_that_is_read_back() {
        let posts = (0..20).map(|n| ShownItem::Own(123_400 + n, 10_000 + n as u64)).collect();
        let caches = Caches {
            edge: Some(EdgeUse::Updating),
            shop: Some(ShopUse::Stale),
            age_ms: Some(12_345),
        };
        let entry = read(showed(posts), Some(caches));
        let line = serde_json::to_string(&entry).unwrap();
        assert!(line.len() < 600, "{} bytes: {line}", line.len());
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry);
    }

    #[test]
    fn own_posts_and_those_of_others_are_told_apart() {
        let posts = vec![ShownItem::Own(57, 12), ShownItem::Other(56)];
        let entry = read(showed(posts.clone()), None);
        let line = serde_json::to_string(&entry).unwrap();
        assert!(line.contains(r#""items":[[57,12],56]"#) && !line.contains("caches"), "{line}");
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry);
        let Listed::Showed(list) = showed(Vec::new()) else { return };
        let keys: Vec<_> = posts.iter().map(|post| list.key(*post)).collect();
        assert_eq!(keys, [Some("reads-without-primary-62ab3f54e1c3d-12".into()), None]);
    }

    #[test]
    fn a_post_is_read_back_as_one() {
        let entry = read(Listed::Wrote { list: "news".into(), id: 57 }, None);
        let line = serde_json::to_string(&entry).unwrap();
        assert!(line.ends_with(r#""listed":{"list":"news","id":57}}"#), "{line}");
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry);
    }

    #[test]
    fn a_line_without_either_is_read_as_before() {
        let line = r#"{"at":2,"event":"op","kind":"browse","intended":1,"done":2,"outcome":"ok"}"#;
        let entry: Entry = serde_json::from_str(line).unwrap();
        let Event::Op(op) = &entry.event else { panic!("{entry:?}") };
        assert_eq!((&op.listed, &op.caches), (&None, &None));
        assert_eq!(serde_json::to_string(&entry).unwrap(), line);
    }

    #[test]
    fn who_had_the_answer_is_the_first_cache_on_the_way() {
        let caches = |edge, shop| Caches { edge, shop, age_ms: None };
        let by = |edge, shop| caches(edge, shop).kept_by();
        // The edge repeats what the shop said once.
        assert_eq!(by(Some(EdgeUse::Hit), Some(ShopUse::Miss)), Some(KeptBy::Edge));
        assert_eq!(by(Some(EdgeUse::Updating), Some(ShopUse::Hit)), Some(KeptBy::Edge));
        assert_eq!(by(Some(EdgeUse::Expired), Some(ShopUse::Hit)), Some(KeptBy::Shop));
        assert_eq!(by(None, Some(ShopUse::Stale)), Some(KeptBy::Shop));
        assert_eq!(by(Some(EdgeUse::Miss), Some(ShopUse::Miss)), None);
        assert_eq!(by(Some(EdgeUse::Pass), None), None);
        let stale = |edge, shop| caches(edge, shop).is_marked_stale();
        assert!(stale(Some(EdgeUse::Stale), None) && stale(Some(EdgeUse::Updating), None));
        assert!(stale(Some(EdgeUse::Hit), Some(ShopUse::Stale)));
        assert!(!stale(Some(EdgeUse::Hit), Some(ShopUse::Hit)) && !stale(None, None));
    }
}
