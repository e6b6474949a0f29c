//! What images of one's own may do.

use super::{errors_of, spoilt};
use crate::spec::model::{Capability, GivenCapability, Kind};
use crate::spec::parse;

fn own(lines: &str) -> String {
    let service = format!("    kind: service\n    image: theirs\n{lines}");
    spoilt(&[("    kind: service", &service)])
}

#[test]
fn rights_are_read() {
    let text =
        own("    user: \"1000:app\"\n    cap_add: [SYS_NICE]\n    cap_drop: [NET_RAW, MKNOD]");
    let stage = parse(&text, "s.yaml").unwrap_or_else(|e| panic!("{e}"));
    let Kind::Service(web) = &stage.tiers["web"].kind else { panic!() };
    assert_eq!(web.user.as_deref(), Some("1000:app"));
    assert_eq!(web.cap_add, [Capability::SysNice]);
    assert_eq!(web.cap_drop, [GivenCapability::NetRaw, GivenCapability::Mknod]);
}

#[test]
fn what_reaches_beyond_the_container_is_not_given() {
    for name in ["SYS_ADMIN", "NET_ADMIN", "ALL", "SYS_MODULE", "CAP_CHOWN", "chown"] {
        let said = errors_of(&own(&format!("    cap_add: [{name}]")));
        assert!(said.starts_with("s.yaml:17:15: "), "{said}");
        assert!(said.contains("allowed: CHOWN, DAC_OVERRIDE,"), "{said}");
    }
    let said = errors_of(&own("    cap_add: [SYS_NICEE]"));
    assert!(said.contains("did you mean `SYS_NICE`?"), "{said}");
    let said = errors_of(&own("    user: \"a b\""));
    assert!(said.starts_with("s.yaml:17:11: "), "{said}");
}

#[test]
fn ours_have_none_to_choose() {
    let text =
        spoilt(&[("    kind: service", "    kind: service\n    user: root\n    cap_add: [CHOWN]")]);
    insta::assert_snapshot!(errors_of(&text), @r"
    s.yaml:16:5: tier `web` runs the demo application, which has no rights to choose
      allowed: `user` beside an `image` of your own
    s.yaml:17:5: tier `web` runs the demo application, which has no rights to choose
      allowed: `cap_add` beside an `image` of your own
    ");
}
