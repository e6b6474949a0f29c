//! Rules of promises: what they need to be kept by.

use super::Check;
use super::operations::json_names;
use super::scope::Scope;
use crate::spec::Path;
use crate::spec::workload::line::RequestLine;
use crate::spec::workload::model::Operation;
use crate::spec::workload::promise::{Pages, Promise, Register};

/// How a write gets a key, for messages.
const A_KEY: &str = "`key: {header: Idempotency-Key}`, or `{key}` in what is sent";

impl Check<'_> {
    /// The promises of an operation; `scope` is what a promise may name.
    pub(super) fn promises(&mut self, path: &Path, operation: &Operation, scope: &Scope) {
        let path = path.key("promise");
        if !operation.promise.is_empty() && !operation.is_write() {
            let problem = self
                .document
                .problem_of_key(&path, "an operation that writes nothing promises something");
            self.problems.push(problem.allowed("a promise of an operation that writes"));
        }
        let scope = scope.with(operation.take.keys().map(String::as_str));
        for (n, promise) in operation.promise.iter().enumerate() {
            let path = path.index(n);
            if let Some(line) = &promise.read {
                self.line(&path.key("read"), line, &scope, true);
                self.names_the_write(&path.key("read"), line, operation);
            }
            if promise.exec.is_some() {
                self.read_by_command(&path, promise, (operation, &scope));
            }
            if let Some(pages) = &promise.pages {
                self.pages(&path.key("pages"), pages, operation);
            }
            if let Some(line) = &promise.listed {
                self.line(&path.key("listed"), line, &scope, true);
                self.needs_a_key(&path.key("listed"), operation);
                self.items(&path, promise);
            }
            self.says(&path.key("is"), &promise.is, &scope);
            for (name, place) in [("count", &promise.count), ("items", &promise.items)] {
                if let Some(place) = place {
                    self.written(&path.key(name), place);
                }
            }
            if let Some(order) = &promise.order {
                self.written(&path.key("order").key("written"), &order.written);
                self.written(&path.key("order").key("listed"), &order.listed);
            }
            self.only_of_a_class(&path, promise);
        }
        self.same_class_twice(&path, operation);
    }

    /// Who reads a write back must know which one it was.
    fn names_the_write(&mut self, path: &Path, line: &RequestLine, operation: &Operation) {
        let Ok(meaning) = line.meaning() else { return };
        let names: Vec<&str> = meaning.path.variables().map(|(name, _)| name).collect();
        if names.contains(&"key") && !operation.is_keyed() {
            return self.needs_a_key(path, operation);
        }
        if !names.iter().any(|name| operation.identifies(name)) {
            let problem = self
                .document
                .problem(path, "nothing in this request tells which write is read back");
            let allowed = "`{key}`, or a variable that `take` gets from the answer to the write";
            self.problems.push(problem.found(line.text()).allowed(allowed));
        }
    }

    /// The line that a command reads tells it which write it is about.
    fn read_by_command(
        &mut self,
        path: &Path,
        promise: &Promise,
        (operation, scope): (&Operation, &Scope),
    ) {
        let Some(json) = &promise.json else {
            return self.needs_a_key(&path.key("exec"), operation);
        };
        self.json(&path.key("json"), json, scope);
        let mut names = Vec::new();
        json.variables(&mut names);
        if names.contains(&"key") && !operation.is_keyed() {
            return self.needs_a_key(&path.key("json"), operation);
        }
        if !names.iter().any(|name| operation.identifies(name)) {
            let message = "nothing in this line tells which write is read back";
            let problem = self.document.problem_of_key(&path.key("json"), message);
            let allowed = "`{key}`, or a variable that `take` gets from the answer to the write";
            self.problems.push(problem.allowed(allowed));
        }
    }

    fn needs_a_key(&mut self, path: &Path, operation: &Operation) {
        if !operation.is_keyed() {
            let message = "this promise is kept by a key, and the write carries none";
            let problem = self.document.problem_of_key(path, message).found("no key");
            self.problems.push(problem.allowed(A_KEY));
        }
    }

    fn pages(&mut self, path: &Path, pages: &Pages, operation: &Operation) {
        let scope = Scope::of_users().with(["after"]);
        self.path(&path.key("get"), &pages.get, &scope);
        self.written(&path.key("keys"), &pages.keys);
        if let Some(again) = &pages.again {
            self.path(&path.key("again"), again, &scope);
        }
        for (name, place) in [("counts", &pages.counts), ("next", &pages.next)] {
            if let Some(place) = place {
                self.written(&path.key(name), place);
            }
        }
        self.needs_a_key(path, operation);
    }

    fn items(&mut self, path: &Path, promise: &Promise) {
        if promise.items.is_none() {
            let message = "a list whose elements are not known";
            let problem =
                self.document.problem_of_key(&path.key("listed"), message).found("no `items`");
            self.problems.push(problem.allowed("`items`, such as json.posts[].text"));
        }
    }

    /// Fields that say nothing for this class.
    fn only_of_a_class(&mut self, path: &Path, promise: &Promise) {
        let (read, listed) = (promise.is_read_one_by_one(), promise.listed.is_some());
        let fields = [
            ("json", promise.json.is_some(), promise.exec.is_some(), "exec"),
            ("is", !promise.is.is_empty(), read, "read"),
            ("count", promise.count.is_some(), read, "read"),
            ("items", promise.items.is_some(), listed, "listed"),
            ("latest", promise.latest.is_some(), listed, "listed"),
            ("order", promise.order.is_some(), listed, "listed"),
        ];
        for (field, is_given, is_of_class, class) in fields {
            if is_given && !is_of_class {
                let message = format!("`{field}` says nothing without `{class}`");
                let problem = self.document.problem_of_key(&path.key(field), message);
                self.problems
                    .push(problem.found(field).allowed(format!("`{field}` beside `{class}`")));
            }
        }
    }

    /// Two promises of a class need names to be told apart.
    fn same_class_twice(&mut self, path: &Path, operation: &Operation) {
        let mut known: Vec<&str> = Vec::new();
        for (n, promise) in operation.promise.iter().enumerate() {
            let name = promise.title();
            if known.contains(&name) {
                let message = format!("two promises are called `{name}`");
                let problem = self.document.problem_of_key(&path.index(n), message).found(name);
                self.problems.push(problem.allowed("a `name` of its own"));
            }
            known.push(name);
        }
    }

    /// A register: its version must be sent and seen.
    pub(super) fn register(&mut self, path: &Path, register: &Register, scope: &Scope) {
        let scope = scope.with(["version"]);
        self.line(&path.key("write"), &register.write, &scope, false);
        self.line(&path.key("read"), &register.read, &scope, true);
        if let Some(json) = &register.json {
            self.json(&path.key("json"), json, &scope);
        }
        self.headers(&path.key("form"), &register.form, &scope);
        self.written(&path.key("version"), &register.version);
        let in_line = |line: &RequestLine| {
            line.meaning()
                .is_ok_and(|line| line.path.variables().any(|(name, _)| name == "version"))
        };
        let in_form = register.form.values().any(|template| {
            template.meaning().is_ok_and(|p| p.variables().any(|(name, _)| name == "version"))
        });
        let in_json = register.json.as_ref().is_some_and(|json| json_names(json, "version"));
        if !(in_line(&register.write) || in_form || in_json) {
            let message = "the version is not sent";
            let problem =
                self.document.problem_of_key(&path.key("write"), message).found("no `{version}`");
            self.problems.push(problem.allowed("`{version}` in `write`, `json` or `form`"));
        }
    }

    /// A request line, and whether it only reads.
    fn line(&mut self, path: &Path, line: &RequestLine, scope: &Scope, reads: bool) {
        let meaning = match line.meaning() {
            Ok(meaning) => meaning,
            Err(wrong) => return self.wrong(path, &wrong.clone()),
        };
        let word = meaning.method.as_str();
        if meaning.method.is_safe() != reads {
            let (what, allowed) = match reads {
                true => ("changes something, and this only reads", "GET"),
                false => ("changes nothing, and this writes", "POST, PUT, PATCH, DELETE"),
            };
            let problem = self.document.problem(path, format!("{word} {what}"));
            self.problems.push(problem.found(word).allowed(allowed));
        }
        // The path begins behind the method and its spaces.
        let rest = &line.text()[word.len()..];
        let shift = word.len() + rest.len() - rest.trim_start().len();
        self.variables(path, meaning.path.variables(), scope, shift);
    }
}

impl Promise {
    /// Its name in reports: its own, or that of its class.
    pub fn title(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None if self.listed.is_some() => "listed",
            None => "read",
        }
    }
}
