//! What traffic that is a fault asks for: crowds and floods.

use super::model::{Operation, Sent, Workload};
use super::template::Template;
use crate::spec::model::Name;

/// What each client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A path with its query.
    Path(Template),
    /// The request of an operation of the workload, with values of its own each time.
    Operation(Name),
}

impl Asked {
    /// A path as it stands: its braces are braces.
    pub fn literally(path: &str) -> Self {
        Self::Path(Template::new(path.replace('{', "{{").replace('}', "}}")))
    }
}

impl Workload {
    /// What a flash crowd asks for that is not told: the workload's `crowd`, or else the read with the greatest
    /// weight, one that needs no session before one that does. `None` when there is no such read.
    pub fn crowd(&self) -> Option<Asked> {
        let told = self.crowd.clone().map(Asked::Path);
        told.or_else(|| self.read(|operation| operation.anonymous))
    }

    /// The same of a flood: the workload's `flood`, or else the read with the greatest weight, one that needs a
    /// session first.
    pub fn flood(&self) -> Option<Asked> {
        let told = self.flood.clone().map(Asked::Path);
        told.or_else(|| self.read(|operation| !operation.anonymous))
    }

    /// The operations that a crowd can ask for: every client the same, without a body.
    pub fn crowds(&self) -> Vec<&str> {
        let gets = self.operations.iter().filter(|(_, operation)| operation.request.get.is_some());
        gets.map(|(name, _)| name.as_str()).collect()
    }

    /// The operations that a flood can be of: whatever is a request, or a line for a command.
    pub fn floods(&self) -> Vec<&str> {
        let sent = self.operations.iter().filter(|(_, o)| !o.request.sent().is_empty());
        sent.map(|(name, _)| name.as_str()).collect()
    }

    fn read(&self, first: impl Fn(&Operation) -> bool) -> Option<Asked> {
        let mut reads: Vec<(&Name, &Operation)> =
            self.operations.iter().filter(|(_, operation)| self.can_be_first(operation)).collect();
        // The sort is stable: of equals it is the one that stands first.
        reads.sort_by_key(|(_, o)| (!first(o), std::cmp::Reverse(o.weight)));
        reads.first().map(|(name, _)| Asked::Operation((*name).clone()))
    }

    /// Whether a user can send it who has done nothing but begin: no other operation has to give a value.
    fn can_be_first(&self, operation: &Operation) -> bool {
        let Some(Sent::Http(_, path)) = operation.request.sent().into_iter().next() else {
            return false;
        };
        let Ok(pieces) = path.meaning() else { return false };
        let begun = self.begin.iter().flat_map(|step| step.take.keys());
        let known: Vec<&str> = begun.chain(operation.with.keys()).map(String::as_str).collect();
        let given = ["user", "address", "prefix", "number", "key"];
        let mut names = pieces.variables().map(|(name, _)| name);
        operation.request.get.is_some()
            && names.all(|name| given.contains(&name) || known.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::workload::parse;

    fn of(operations: &str) -> Workload {
        let begin = "begin: [{post: /login, take: {token: json.token}}]";
        let text = format!("workload:\n  {begin}\n  operations:\n{operations}");
        parse(&text, "w.yaml").unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn operation(name: &str) -> Option<Asked> {
        Some(Asked::Operation(name.into()))
    }

    #[test]
    fn the_heaviest_read_is_asked_for_by_guests_in_crowds_and_by_users_in_floods() {
        let workload =
            of("    a: {weight: 9, get: /a, anonymous: true}\n    b: {weight: 1, get: /b}\n    \
                           c: {weight: 3, get: /c}\n    d: {weight: 99, post: /d}\n");
        assert_eq!((workload.crowd(), workload.flood()), (operation("a"), operation("c")));
        assert_eq!(workload.crowds(), ["a", "b", "c"]);
        assert_eq!(workload.floods(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn what_needs_an_answer_of_another_operation_is_not_asked_for() {
        let workload = of(
            "    make: {post: /a, take: {id: json.id}}\n    see: {weight: 9, get: \"/a/{id}\"}\n    \
                           mine: {get: \"/of/{token}?{user}\"}\n",
        );
        assert_eq!((workload.crowd(), workload.flood()), (operation("mine"), operation("mine")));
        let only = of("    make: {post: /a, take: {id: json.id}}\n    see: {get: \"/a/{id}\"}\n");
        assert_eq!((only.crowd(), only.flood()), (None, None));
    }

    #[test]
    fn a_workload_may_say_what_is_asked_for() {
        let text = "workload:\n  crowd: /one\n  flood: /mine\n  operations: {a: {get: /a}}\n";
        let workload = parse(text, "w.yaml").unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(workload.crowd(), Some(Asked::literally("/one")));
        assert_eq!(workload.flood(), Some(Asked::literally("/mine")));
        let wrong = "workload:\n  crowd: one\n  operations: {a: {get: /a}}\n";
        let errors = parse(wrong, "w.yaml").unwrap_err().to_string();
        assert!(errors.contains("w.yaml:2:10: the path `one` does not begin with `/`"), "{errors}");
    }

    #[test]
    fn a_literal_path_keeps_its_braces() {
        let Asked::Path(path) = Asked::literally("/a?b={c}") else { panic!("a path") };
        assert_eq!(path.text(), "/a?b={{c}}");
    }
}
