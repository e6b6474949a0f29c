//! Rules of operations: what they send, what their answers prove, and their weights.

use super::scope::Scope;
use super::{Check, word};
use crate::spec::Path;
use crate::spec::workload::model::{Operation, Request};
use crate::spec::workload::template::Piece;

/// What an operation may be, for messages.
const FORMS: &str = "`get`, `post`, `put`, `patch`, `delete`, `exec`, `register` and `lists`";

impl Check<'_> {
    /// All operations.
    pub(super) fn operations(&mut self, path: &Path, begun: &Scope) {
        if self.workload.weights() == 0 {
            let problem = self.document.problem_of_key(path, "the weights of all operations are 0");
            let problem =
                problem.found("0").allowed("at least one operation with a weight above 0");
            self.problems.push(problem.help("without a `weight` it is 1"));
        }
        let everywhere = self.everywhere(begun);
        for (name, operation) in &self.workload.operations {
            let path = path.key(name);
            let mut forms: Vec<&str> = operation.request.sent().iter().map(word).collect();
            forms.extend(operation.register.as_ref().map(|_| "register"));
            forms.extend(operation.lists.as_ref().map(|_| "lists"));
            self.exactly_one(&path, &forms, FORMS);
            self.outcomes(&path, operation);
            self.operation(&path, operation, &everywhere);
        }
        self.effects_twice(path);
    }

    /// What follows from writes is known by its name alone.
    fn effects_twice(&mut self, path: &Path) {
        let mut known: Vec<&str> = Vec::new();
        for (name, operation) in &self.workload.operations {
            for effect in operation.effects() {
                let title = effect.title();
                if known.contains(&title) {
                    let message = format!("two operations have an effect that is called `{title}`");
                    let path = path.key(name).key("promise");
                    let problem = self.document.problem_of_key(&path, message).found(title);
                    self.problems.push(problem.allowed("a `name` of its own for each effect"));
                }
                known.push(title);
            }
        }
    }

    fn operation(&mut self, path: &Path, operation: &Operation, everywhere: &Scope) {
        let mut scope = everywhere.clone();
        for (name, template) in &operation.with {
            let path = path.key("with").key(name);
            self.variable_name(&path, name);
            self.template(&path, template, &scope);
            scope = scope.with([name.as_str()]);
        }
        self.request(path, &operation.request, &scope);
        if operation.key.is_some() && operation.request.exec.is_some() {
            let message = "`key` is a header, and a command has none";
            let problem = self.document.problem_of_key(&path.key("key"), message).found("key");
            self.problems.push(problem.allowed("`{key}` in `json`, or neither of both"));
        }
        self.take(&path.key("take"), &operation.take);
        // What was sent is known by its name, too.
        let sent = scope.with(fields(&operation.request));
        self.says(&path.key("expect"), &operation.expect, &sent);
        if let Some(register) = &operation.register {
            self.register(&path.key("register"), register, &scope);
        }
        self.promises(path, operation, &sent);
        self.lists(path, operation);
    }

    /// What an answer proves must not contradict itself.
    fn outcomes(&mut self, path: &Path, operation: &Operation) {
        let is_good = |status: &u16| match operation.ok.as_slice() {
            [] => (200..300).contains(status),
            ok => ok.contains(status),
        };
        if let Some(n) = operation.no_effect.iter().position(is_good) {
            let status = operation.no_effect[n];
            let message = format!("{status} is a good answer, and in `no_effect`");
            let problem = self.document.problem(&path.key("no_effect").index(n), message);
            self.problems.push(problem.found(&status.to_string()).allowed("statuses of refusals"));
        }
    }

    fn lists(&mut self, path: &Path, operation: &Operation) {
        let Some(name) = &operation.lists else { return };
        let operations = &self.workload.operations;
        if operations.get(name).is_some_and(|other| other.listed().is_some()) {
            return;
        }
        let listed = operations.iter().filter(|(_, other)| other.listed().is_some());
        let listed: Vec<&str> = listed.map(|(name, _)| name.as_str()).collect();
        let message = match operations.contains_key(name) {
            true => format!("operation `{name}` has no promise that is `listed`"),
            false => format!("there is no operation `{name}`"),
        };
        let problem = self.document.problem(&path.key("lists"), message).found(name);
        self.problems.push(problem.one_of(name, listed));
    }
}

/// The top-level fields of a body.
fn fields(request: &Request) -> impl Iterator<Item = &str> {
    let json = request.json.iter().flat_map(|json| json.fields().map(|(name, _)| name));
    json.chain(request.form.keys().map(String::as_str))
}

impl Operation {
    /// Whether a write carries its idempotency key.
    pub(in crate::spec::workload) fn is_keyed(&self) -> bool {
        self.key.is_some()
            || self.request.names("key")
            || self.with.values().any(|t| names(t, "key"))
            || self.request.exec.is_some() && self.request.json.is_none()
    }

    /// Whether this variable tells one write from all others: what the server said of it, or a value that
    /// nobody makes twice.
    pub(super) fn identifies(&self, name: &str) -> bool {
        use crate::spec::workload::generator::Generator;
        let is_uuid = |t: &crate::spec::workload::Template| {
            let is = |piece: &Piece| matches!(piece, Piece::Drawn(Generator::Uuid));
            t.meaning().is_ok_and(|pieces| pieces.iter().any(is)) || names(t, "key")
        };
        name == "key" && self.is_keyed()
            || self.take.contains_key(name)
            || self.with.get(name).is_some_and(is_uuid)
            || self.request.form.get(name).is_some_and(is_uuid)
            || self.request.json.iter().flat_map(|json| json.fields()).any(|(field, value)| {
                use crate::spec::workload::JsonTemplate::Text;
                field == name && matches!(value, Text(template) if is_uuid(template))
            })
    }
}

impl Request {
    /// Whether a template of it names this variable.
    pub(super) fn names(&self, name: &str) -> bool {
        use crate::spec::workload::model::Sent;
        let sent = self.sent().into_iter().flat_map(|sent| match sent {
            Sent::Http(_, path) => vec![path],
            Sent::Command(_) => Vec::new(),
        });
        let texts = self.headers.values().chain(self.form.values()).chain(&self.body);
        sent.chain(texts).any(|template| names(template, name))
            || self.json.as_ref().is_some_and(|json| json_names(json, name))
    }
}

fn names(template: &crate::spec::workload::Template, name: &str) -> bool {
    template.meaning().is_ok_and(|pieces| pieces.variables().any(|(known, _)| known == name))
}

/// Whether a text in a JSON value names this variable.
pub(super) fn json_names(json: &crate::spec::workload::JsonTemplate, name: &str) -> bool {
    use crate::spec::workload::JsonTemplate::{List, Map, Text};
    match json {
        Text(template) => names(template, name),
        List(items) => items.iter().any(|item| json_names(item, name)),
        Map(fields) => fields.values().any(|value| json_names(value, name)),
        _ => false,
    }
}
