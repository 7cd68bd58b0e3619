//! What a client asks, and what it is answered.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult,
    ErrorCode, ErrorData, GetPromptRequestParams, GetPromptResponse, Implementation, JsonObject,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Value, json};

use super::call::{Calls, PROGRESS, Ran};
use super::place::is_same;
use super::secret::{hidden, password};
use super::tools::{self, Call, Output, TOOLS};
use super::{prompts, resources};

const INSTRUCTIONS: &str = "\
Annals designs, reviews and proves event-sourced systems. Start with fit: ordinary CRUD is the default. Write a model \
(annals.yaml, its JSON Schema is the resource annals://schema), review it with check, make code and tables of it with \
generate, prove the database with verify. Explain tells what a finding such as AN203 means. What a tool returns is the \
proof: quote it. No tool writes into a store; verify works in scratch namespaces, and the user says in which database.";

/// The methods that are answered here, so that one with wrong parameters is not taken for one that is not known.
const METHODS: [&str; 11] = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
    "subscriptions/listen",
];

/// One session.
#[derive(Debug, Clone)]
pub(super) struct Server {
    calls: Calls,
}

impl Server {
    pub(super) fn new(calls: Calls) -> Self {
        Self { calls }
    }

    /// Why a call is not for this server, where it is not.
    fn refusal(&self, tool: &str, call: &Call) -> Option<&'static str> {
        let store = self.calls.store(call);
        match (tool, store, self.calls.own_store()) {
            ("sample", None, _) => Some(
                "no store given\ntry: give store, such as sqlite:orders.db, or start the server with ANNALS_STORE",
            ),
            ("verify", Some(scratch), Some(own)) if is_same(scratch, own) => Some(
                "scratch names the database of the store that the server was started with, which nothing is written \
                 into\ntry: name another database, such as sqlite:scratch.db?create=yes",
            ),
            _ => None,
        }
    }

    /// Runs the command of a call, and tells how long it takes to who wants to know.
    async fn run(&self, call: &Call, context: &RequestContext<RoleServer>) -> CallToolResult {
        let running = self.calls.run(call, context.ct.cancelled());
        let ran = tokio::select! {
            ran = running => ran,
            () = progress(context) => return failed("cancelled".to_owned()),
        };
        let password = self.calls.store(call).and_then(password);
        let clean = |text: &str| match &call.folder {
            Some(folder) => hidden(&folder.forgotten(text), password),
            None => hidden(text, password),
        };
        match ran {
            Ok(ran) => answer(call, &ran, clean),
            Err(ended) => failed(clean(&ended.to_string())),
        }
    }
}

/// Tells every so often that a command still runs; never ends.
async fn progress(context: &RequestContext<RoleServer>) {
    let Some(token) = context.meta.get_progress_token() else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(PROGRESS);
    ticks.tick().await;
    let mut seconds = 0_u32;
    loop {
        ticks.tick().await;
        seconds += 1;
        let note = ProgressNotificationParam::new(token.clone(), f64::from(seconds));
        // Who does not listen any more is told by the end of the session.
        let _ = context.peer.notify_progress(note.with_message(format!("running for {seconds} s"))).await;
    }
}

/// The result of a command: what it printed, or why there is nothing.
fn answer(call: &Call, ran: &Ran, clean: impl Fn(&str) -> String) -> CallToolResult {
    const FOUND_SOMETHING: i32 = 1;
    let (stdout, notes) = (clean(&ran.stdout), clean(ran.stderr.trim_end()));
    let status = ran.status.code();
    let (output, texts) = match output(call, &stdout, &clean) {
        Ok(made) => made,
        Err(why) => return failed(format!("{why}\n{notes}")),
    };
    let is_answer = match status {
        Some(0) => true,
        Some(FOUND_SOMETHING) => !texts.is_empty(),
        _ => false,
    };
    if !is_answer {
        let why = match status {
            Some(_) if !notes.is_empty() => notes,
            Some(status) => format!("the command ended with status {status}"),
            None => format!("the command was killed\n{notes}"),
        };
        return failed(why);
    }
    let structured = json!({ "ok": status == Some(0), "status": status, "output": output, "notes": notes });
    let notes = Some(notes).filter(|notes| !notes.is_empty());
    let mut result =
        CallToolResult::success(texts.into_iter().chain(notes).map(ContentBlock::text).collect());
    result.structured_content = Some(structured);
    result
}

/// What a command printed as a value, and as texts.
fn output(call: &Call, stdout: &str, clean: impl Fn(&str) -> String) -> Result<(Value, Vec<String>), String> {
    let read = |text: &str| {
        serde_json::from_str::<Value>(text).map_err(|e| format!("the command printed no JSON: {e}"))
    };
    let text = stdout.trim_end().to_owned();
    if let Output::Files(folder) = &call.output {
        let files = made(folder).map_err(|e| format!("could not read what was made: {e}"))?;
        let files = files.into_iter().map(|(path, text)| (path, clean(&text)));
        let (values, texts): (Vec<Value>, Vec<String>) = files
            .map(|(path, text)| {
                let is_yours = !text.lines().take(5).any(|line| line.contains(annals_generate::Origin::MARK));
                let whose = if is_yours { " (yours to go on with)" } else { "" };
                let shown = format!("--- {path}{whose}\n{text}");
                (json!({ "path": path, "text": text, "yours": is_yours }), shown)
            })
            .unzip();
        return Ok((Value::Array(values), texts));
    }
    if text.is_empty() {
        return Ok((Value::Null, Vec::new()));
    }
    let value = match &call.output {
        Output::Json => read(&text)?,
        Output::JsonLines => Value::Array(text.lines().map(read).collect::<Result<_, _>>()?),
        Output::Text | Output::Files(_) => Value::String(text.clone()),
    };
    Ok((value, vec![text]))
}

/// The files below a folder, by their paths in it.
fn made(folder: &std::path::Path) -> std::io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        let entries = match std::fs::read_dir(&inner) {
            Ok(entries) => entries,
            // Nothing was made.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let parts = path.strip_prefix(folder).unwrap_or(&path).components();
            let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
            files.push((parts.join("/"), String::from_utf8_lossy(&std::fs::read(&path)?).into_owned()));
        }
    }
    files.sort();
    Ok(files)
}

fn failed(why: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why)])
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let offered =
            ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build();
        let who = Implementation::new("annals", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(offered).with_server_info(who).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools: Vec<Tool> = TOOLS.iter().map(tools::Named::tool).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = tools::named(&request.name) else {
            let names: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
            let what =
                format!("no tool is called {:?}; there are {}", short(&request.name), names.join(", "));
            return Err(ErrorData::invalid_params(what, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let secret = arguments.values().filter_map(Value::as_str).find_map(password).map(str::to_owned);
        let result = match (tool.call)(arguments) {
            Ok(call) => match self.refusal(tool.name, &call) {
                Some(why) => failed(why.to_owned()),
                None => self.run(&call, &context).await,
            },
            Err(what) => failed(hidden(&format!("{}: {}", tool.name, short(&what)), secret.as_deref())),
        };
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::all()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        match resources::read(&request.uri) {
            Some(result) => Ok(result.into()),
            None => {
                let what = format!("no resource is called {:?}", short(&request.uri));
                Err(ErrorData::resource_not_found(what, None))
            }
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments: JsonObject = request.arguments.unwrap_or_default();
        let prompt = prompts::get(&request.name, &arguments);
        prompt.map(Into::into).map_err(|what| ErrorData::invalid_params(short(&what), None))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = short(&request.method);
        Err(match METHODS.contains(&method.as_str()) {
            true => {
                ErrorData::invalid_params(format!("the parameters of {method} are not those it takes"), None)
            }
            false => ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("no method {method:?}"), None),
        })
    }
}

/// As much of a text as is needed to know it again.
fn short(text: &str) -> String {
    const SHOWN: usize = 500;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
