//! Rules of a workload that need more than one field, and the languages of its texts.

mod operations;
mod promises;
mod scope;

use indexmap::IndexMap;

use super::json::JsonTemplate;
use super::model::{Invariant, Request, Sent, Step, Workload};
use super::selector::Place;
use super::template::Template;
use super::text::{Written, Wrong};
use crate::spec::{Document, Path, Problem};
use scope::Scope;

/// Everything in a workload of the right form that has no meaning.
pub(super) fn check(document: &Document, workload: &Workload) -> Vec<Problem> {
    let mut check = Check { document, workload, problems: Vec::new() };
    let root = Path::of(["workload"]);
    let begun = check.begin(&root.key("begin"));
    check.headers(&root.key("headers"), &workload.headers, &check.everywhere(&begun));
    check.greatest(&root.key("greatest"));
    for (field, path) in [("crowd", &workload.crowd), ("flood", &workload.flood)] {
        if let Some(path) = path {
            check.path(&root.key(field), path, &begun);
        }
    }
    check.operations(&root.key("operations"), &begun);
    check.invariants(&root.key("invariants"), &begun);
    check.problems
}

/// The workload under check, and what was found.
struct Check<'a> {
    document: &'a Document,
    workload: &'a Workload,
    problems: Vec<Problem>,
}

impl Check<'_> {
    /// The steps of `begin`, and the variables that they set.
    fn begin(&mut self, path: &Path) -> Scope {
        let mut scope = Scope::of_users();
        for (n, Step { request, take }) in self.workload.begin.iter().enumerate() {
            let path = path.index(n);
            self.exactly_one_request(&path, request);
            self.request(&path, request, &scope);
            self.take(&path.key("take"), take);
            scope = scope.with(take.keys().map(String::as_str));
        }
        scope
    }

    /// What any request may name: what `begin` and operations take, and the values of one operation.
    fn everywhere(&self, begun: &Scope) -> Scope {
        let taken = self.workload.operations.values().flat_map(|operation| operation.take.keys());
        begun.with(taken.map(String::as_str)).of_an_operation()
    }

    /// Only what answers say can be the greatest of what they said.
    fn greatest(&mut self, path: &Path) {
        let workload = self.workload;
        let taken = workload.operations.values().flat_map(|operation| operation.take.keys());
        let taken = taken.chain(workload.begin.iter().flat_map(|step| step.take.keys()));
        let taken: Vec<&str> = taken.map(String::as_str).collect();
        for (n, name) in workload.greatest.iter().enumerate() {
            if !taken.contains(&name.as_str()) {
                let message = format!("no `take` sets the variable `{name}`");
                let problem = self.document.problem(&path.index(n), message).found(name);
                self.problems.push(problem.one_of(name, taken.iter().copied()));
            }
        }
    }

    fn invariants(&mut self, path: &Path, begun: &Scope) {
        let mut names: IndexMap<&str, usize> = IndexMap::new();
        for (n, invariant) in self.workload.invariants.iter().enumerate() {
            let Invariant { name, holds, needs, names: offenders, .. } = invariant;
            let path = path.index(n);
            self.question(&path, invariant, begun);
            self.written(&path.key("holds"), holds);
            if let Some(needs) = needs {
                self.written(&path.key("needs"), needs);
            }
            if let Some(offenders) = offenders {
                self.written(&path.key("names"), offenders);
            }
            if let Some(first) = names.insert(name, n) {
                let message =
                    format!("two invariants have the name `{name}`, {} and {}", first + 1, n + 1);
                let problem = self.document.problem(&path.key("name"), message);
                self.problems.push(problem.found(name).allowed("each name once"));
            }
        }
    }

    /// What an invariant asks, and whom.
    fn question(&mut self, path: &Path, invariant: &Invariant, begun: &Scope) {
        let Invariant { get, exec, json, headers, anonymous, .. } = invariant;
        if let Some(get) = get {
            self.path(&path.key("get"), get, begun);
        }
        if let Some(json) = json {
            self.json(&path.key("json"), json, begun);
        }
        self.headers(&path.key("headers"), headers, begun);
        let idle = match exec {
            Some(_) => [("headers", !headers.is_empty()), ("anonymous", *anonymous)],
            None => [("json", json.is_some()), ("json", false)],
        };
        for (field, _) in idle.iter().filter(|(_, is_given)| *is_given) {
            let (whom, allowed) = match exec {
                Some(_) => ("a command", "`json`, the line that it reads"),
                None => ("a GET", "`headers`, or `exec` beside `json`"),
            };
            let message = format!("`{field}` says nothing to {whom}");
            let problem = self.document.problem_of_key(&path.key(field), message).found(field);
            self.problems.push(problem.allowed(allowed));
        }
    }

    /// A request must say one thing that is sent.
    fn exactly_one_request(&mut self, path: &Path, request: &Request) {
        let words: Vec<&str> = request.sent().iter().map(word).collect();
        self.exactly_one(path, &words, "`get`, `post`, `put`, `patch`, `delete` and `exec`");
    }

    fn exactly_one(&mut self, path: &Path, given: &[&str], allowed: &str) {
        let message = match given {
            [_] => return,
            [] => format!("`{path}` sends nothing"),
            more => format!("`{path}` has `{}`", more.join("` and `")),
        };
        let problem = self.document.problem_of_key(path, message);
        self.problems
            .push(problem.found(&given.join(", ")).allowed(format!("exactly one of {allowed}")));
    }

    fn request(&mut self, path: &Path, request: &Request, scope: &Scope) {
        for sent in request.sent() {
            match sent {
                Sent::Http(method, template) => {
                    self.path(&path.key(method.field()), template, scope)
                }
                Sent::Command(_) => self.only_a_line(path, request),
            }
        }
        self.headers(&path.key("headers"), &request.headers, scope);
        self.body(path, request, scope);
    }

    /// A command reads a line of JSON, and nothing else.
    fn only_a_line(&mut self, path: &Path, request: &Request) {
        let of_http = [
            ("headers", !request.headers.is_empty()),
            ("form", !request.form.is_empty()),
            ("body", request.body.is_some()),
        ];
        for (field, _) in of_http.iter().filter(|(_, is_given)| *is_given) {
            let message = format!("`{field}` says nothing to a command");
            let problem = self.document.problem_of_key(&path.key(field), message).found(field);
            self.problems.push(problem.allowed("`json`, the line that it reads"));
        }
    }

    fn body(&mut self, path: &Path, request: &Request, scope: &Scope) {
        let Request { json, form, body, .. } = request;
        if let Some(json) = json {
            self.json(&path.key("json"), json, scope);
        }
        self.headers(&path.key("form"), form, scope);
        if let Some(body) = body {
            self.template(&path.key("body"), body, scope);
        }
        let given =
            [("json", json.is_some()), ("form", !form.is_empty()), ("body", body.is_some())];
        let given: Vec<&str> = given.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        let [first, ..] = given.as_slice() else { return };
        let problem = |message: String| self.document.problem_of_key(&path.key(first), message);
        if given.len() > 1 {
            let message = format!("`{path}` has several bodies: `{}`", given.join("` and `"));
            let problem = problem(message).allowed("one of `json`, `form` and `body`");
            self.problems.push(problem);
        } else if request.get.is_some() {
            let problem = problem(format!("a GET with a body, `{first}`"));
            self.problems.push(problem.allowed("a body of `post`, `put`, `patch` or `delete`"));
        }
    }

    fn path(&mut self, path: &Path, template: &Template, scope: &Scope) {
        match super::line::is_path(template.text()) {
            Err(wrong) => self.wrong(path, &wrong),
            Ok(()) => self.template(path, template, scope),
        }
    }

    fn headers(&mut self, path: &Path, templates: &IndexMap<String, Template>, scope: &Scope) {
        for (name, template) in templates {
            self.template(&path.key(name), template, scope);
        }
    }

    fn json(&mut self, path: &Path, json: &JsonTemplate, scope: &Scope) {
        match json {
            JsonTemplate::Text(template) => self.template(path, template, scope),
            JsonTemplate::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    self.json(&path.index(n), item, scope);
                }
            }
            JsonTemplate::Map(fields) => {
                for (name, value) in fields {
                    self.json(&path.key(name), value, scope);
                }
            }
            JsonTemplate::Null | JsonTemplate::Flag(_) | JsonTemplate::Number(_) => {}
        }
    }

    /// A text with values: its language, and that something sets each variable.
    fn template(&mut self, path: &Path, template: &Template, scope: &Scope) {
        match template.meaning() {
            Err(wrong) => self.wrong(path, &wrong.clone()),
            Ok(pieces) => self.variables(path, pieces.variables(), scope, 0),
        }
    }

    fn variables<'v>(
        &mut self,
        path: &Path,
        variables: impl Iterator<Item = (&'v str, usize)>,
        scope: &Scope,
        shift: usize,
    ) {
        for (name, offset) in variables.filter(|(name, _)| !scope.has(name)) {
            let message = format!("nothing sets the variable `{name}`");
            let problem = self.document.problem_within(path, offset + shift, message);
            self.problems.push(problem.found(name).one_of(name, scope.words()));
        }
    }

    /// Places in an answer that variables take their value from.
    fn take(&mut self, path: &Path, take: &IndexMap<String, Place>) {
        for (name, place) in take {
            self.variable_name(&path.key(name), name);
            self.written(&path.key(name), place);
        }
    }

    fn variable_name(&mut self, path: &Path, name: &str) {
        let message = match name {
            name if super::generator::is_generator(name) => {
                format!("`{name}` is a generator, so it is no name of a variable")
            }
            name if Scope::of_users().of_an_operation().has(name) || name == "version" => {
                format!("`{name}` has a value already, so it is no name of a variable")
            }
            name if !super::template::is_name(name) => {
                format!("`{name}` is no name of a variable")
            }
            _ => return,
        };
        let problem = self.document.problem_of_key(path, message).found(name);
        self.problems.push(
            problem.allowed("another name: letters, digits, `_` and `-`, beginning with a letter"),
        );
    }

    /// Values in an answer, by their places.
    fn says(&mut self, path: &Path, says: &IndexMap<Place, JsonTemplate>, scope: &Scope) {
        for (place, value) in says {
            let path = path.key(place.text());
            if let Err(wrong) = place.meaning() {
                let problem = self.document.problem_within_key(&path, wrong.offset, &wrong.message);
                self.problems.push(explained(problem, wrong));
            }
            self.json(&path, value, scope);
        }
    }

    fn written<T>(&mut self, path: &Path, written: &Written<T>) {
        if let Err(wrong) = written.meaning() {
            self.wrong(path, &wrong.clone());
        }
    }

    fn wrong(&mut self, path: &Path, wrong: &Wrong) {
        let problem = self.document.problem_within(path, wrong.offset, &wrong.message);
        self.problems.push(explained(problem, wrong));
    }
}

fn explained(problem: Problem, wrong: &Wrong) -> Problem {
    match (&wrong.word, wrong.allowed.is_empty()) {
        (_, true) => problem,
        (Some(word), _) => {
            problem.found(word).one_of(word, wrong.allowed.iter().map(String::as_str))
        }
        (None, _) => problem.allowed(wrong.allowed.join(", ")),
    }
}

fn word(sent: &Sent<'_>) -> &'static str {
    match sent {
        Sent::Http(method, _) => method.field(),
        Sent::Command(_) => "exec",
    }
}
