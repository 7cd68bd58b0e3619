//! The words themselves, many to a line.

/// Past forms and participles that do not end in -ed, sorted.
pub(super) static IRREGULAR: &[&str] = &[
    "arisen", "arose", "awoke", "awoken", "bade", "beaten", "became", "been", "befallen", "befell",
    "began", "begun", "beheld", "bent", "beset", "besought", "bidden", "bitten", "bled", "blew",
    "blown", "bore", "born", "borne", "bought", "bound", "bred", "broke", "broken", "brought", "built",
    "burnt", "came", "caught", "chose", "chosen", "clung", "crept", "dealt", "did", "done", "dove",
    "drank", "drawn", "dreamt", "drew", "driven", "drove", "drunk", "dug", "dwelt", "eaten", "fallen",
    "fed", "fell", "felt", "fled", "flew", "flown", "flung", "forbade", "forbidden", "foregone",
    "foresaw", "foreseen", "forgave", "forgiven", "forgone", "forgot", "forgotten", "forsaken",
    "fought", "found", "froze", "frozen", "gave", "given", "gone", "got", "gotten", "grew", "ground",
    "grown", "had", "heard", "held", "hid", "hidden", "hung", "kept", "knelt", "knew", "known", "laid",
    "lain", "leant", "leapt", "learnt", "led", "left", "lent", "lit", "lost", "made", "meant", "met",
    "mistaken", "mistook", "misunderstood", "mown", "outgrown", "outsold", "overcame", "overdrawn",
    "overdrew", "overheard", "overridden", "overrode", "overseen", "overtaken", "overthrown",
    "overtook", "paid", "pled", "proven", "ran", "rang", "resold", "ridden", "risen", "rode", "rose",
    "rung", "said", "sang", "sank", "sat", "saw", "seen", "sent", "sewn", "shaken", "shod", "shone",
    "shook", "shorn", "shot", "shown", "shrank", "shrunk", "slain", "slept", "slid", "slung", "smelt",
    "snuck", "sold", "sought", "sown", "sped", "spelt", "spent", "spilt", "spoilt", "spoke", "spoken",
    "sprang", "sprung", "spun", "stole", "stolen", "stood", "strewn", "stricken", "striven", "strove",
    "struck", "stuck", "stung", "stunk", "sung", "sunk", "swept", "swollen", "swore", "sworn", "swum",
    "swung", "taken", "taught", "thought", "threw", "thrown", "told", "took", "tore", "torn", "trodden",
    "understood", "undertaken", "undertook", "upheld", "was", "went", "wept", "were", "withdrawn",
    "withdrew", "withheld", "withstood", "woke", "woken", "won", "wore", "worn", "wound", "wove",
    "woven", "written", "wrote", "wrung",
];

/// Verbs whose past form or participle is the base form.
pub(super) static BASE_IS_PAST: &[&str] = &[
    "beat", "become", "bet", "bid", "broadcast", "burst", "cast", "come", "cost", "cut", "fit",
    "forecast", "hit", "hurt", "input", "knit", "let", "overcome", "preset", "proofread", "put", "quit",
    "read", "rerun", "reset", "rid", "run", "set", "shed", "shut", "split", "spread", "thrust", "upset",
    "wed",
];

/// Words that end in -ed and are no past form.
pub(super) static NOT_PAST: &[&str] = &[
    "bed", "biped", "bleed", "breed", "creed", "deed", "embed", "exceed", "feed", "greed", "heed",
    "hundred", "imbed", "indeed", "infrared", "kindred", "misdeed", "moped", "naked", "need",
    "newsfeed", "overfeed", "proceed", "ragged", "red", "reed", "rugged", "sacred", "seed", "shred",
    "sled", "speed", "steed", "succeed", "tweed", "weed", "wicked",
];

/// What may stand before an irregular form: `unpaid`, `resent`.
pub(super) static PREFIXES: &[&str] = &[
    "fore", "inter", "mis", "out", "over", "pre", "re", "un", "under",
];

/// Verbs that are hardly ever nouns.
pub(super) static VERBS: &[&str] = &[
    "accept", "acknowledge", "acquire", "activate", "add", "adjust", "allocate", "amend", "append",
    "apply", "appoint", "approve", "assign", "attach", "authenticate", "authorise", "authorize",
    "begin", "calculate", "cancel", "classify", "collect", "compute", "configure", "confirm", "connect",
    "convert", "create", "deactivate", "decline", "deduct", "define", "delete", "deliver", "deny",
    "detach", "determine", "disable", "disconnect", "dismiss", "distribute", "earn", "enable", "enrol",
    "enroll", "ensure", "enter", "escalate", "establish", "evaluate", "execute", "expire", "extend",
    "fulfil", "fulfill", "generate", "grant", "handle", "identify", "initialise", "initialize",
    "initiate", "insert", "install", "invite", "invoke", "maintain", "migrate", "modify", "notify",
    "obtain", "onboard", "perform", "persist", "postpone", "prepare", "prevent", "publish",
    "recalculate", "receive", "recover", "redeem", "reduce", "reinstate", "reject", "remove", "rename",
    "renew", "reopen", "replace", "reschedule", "resend", "resolve", "restore", "resume", "retrieve",
    "revoke", "save", "select", "send", "settle", "submit", "subscribe", "suspend", "synchronise",
    "synchronize", "terminate", "unlock", "unpublish", "unregister", "unsubscribe", "validate",
    "verify", "withdraw",
];

/// Verbs that are nouns as well.
pub(super) static VERBS_AND_NOUNS: &[&str] = &[
    "appeal", "approach", "archive", "attempt", "audit", "award", "backup", "block", "book", "build",
    "call", "capture", "change", "charge", "check", "claim", "clear", "close", "complain", "complete",
    "conflict", "copy", "correct", "decrease", "deposit", "dispatch", "downgrade", "draft", "drop",
    "edit", "escape", "exchange", "export", "extract", "fail", "finish", "fix", "flag", "follow",
    "forward", "fund", "gain", "hold", "import", "increase", "increment", "issue", "join", "lease",
    "lend", "lift", "link", "load", "lock", "login", "logout", "mark", "match", "merge", "move", "open",
    "pack", "pass", "pause", "pay", "pick", "place", "prepay", "print", "process", "produce", "promote",
    "purchase", "quote", "raise", "rebook", "refund", "register", "release", "repair", "reply",
    "report", "request", "reserve", "retry", "return", "review", "reward", "scan", "schedule", "search",
    "sell", "shift", "ship", "sign", "sort", "start", "stop", "store", "swap", "switch", "sync", "tag",
    "test", "track", "trade", "transfer", "trigger", "trim", "update", "upgrade", "upload", "use",
    "visit", "void", "vote", "write",
];

/// Things that events are about.
pub(super) static NOUNS: &[&str] = &[
    "access", "account", "action", "activation", "activity", "actor", "address", "adjustment", "agent",
    "agreement", "alarm", "alert", "allocation", "allowance", "amount", "answer", "application",
    "appointment", "approval", "area", "article", "asset", "assignment", "auction", "authentication",
    "author", "authorization", "avatar", "balance", "bank", "basket", "batch", "bid", "bill", "block",
    "booking", "box", "branch", "brand", "budget", "business", "button", "calendar", "campaign",
    "cancellation", "capacity", "car", "card", "cart", "case", "catalog", "category", "certificate",
    "channel", "chat", "city", "class", "client", "code", "collection", "color", "comment",
    "commission", "company", "complaint", "configuration", "confirmation", "connection", "consent",
    "contact", "content", "contract", "control", "conversation", "correction", "cost", "country",
    "coupon", "course", "creation", "credit", "currency", "customer", "damage", "data", "database",
    "date", "day", "deadline", "deal", "debit", "decision", "delay", "deletion", "delivery",
    "department", "description", "detail", "device", "diagnosis", "discount", "dispute", "document",
    "dossier", "driver", "email", "employee", "employer", "enrollment", "entity", "entry", "error",
    "estimate", "evaluation", "event", "exam", "example", "exception", "expense", "expiration",
    "failure", "fee", "feedback", "field", "file", "flight", "folder", "form", "fund", "game", "gift",
    "goal", "goods", "group", "guest", "history", "home", "hotel", "identity", "image", "incident",
    "index", "info", "information", "input", "installment", "insurance", "inventory", "invitation",
    "invoice", "item", "job", "journey", "key", "label", "language", "ledger", "letter", "level",
    "license", "limit", "line", "list", "listing", "load", "loan", "location", "log", "machine", "mail",
    "manager", "measurement", "meeting", "member", "membership", "menu", "merchant", "message", "meter",
    "method", "migration", "milestone", "mode", "model", "modification", "money", "month", "mortgage",
    "name", "network", "news", "node", "note", "notice", "notification", "number", "object", "offer",
    "office", "operation", "opportunity", "option", "order", "organisation", "organization", "outcome",
    "output", "owner", "package", "page", "parcel", "parent", "parking", "part", "participant",
    "partner", "party", "passenger", "password", "patient", "payment", "payout", "penalty", "people",
    "period", "permission", "person", "phone", "photo", "pipeline", "plan", "player", "policy",
    "position", "preference", "premium", "prescription", "price", "priority", "problem", "product",
    "profile", "program", "progress", "project", "promotion", "proof", "property", "proposal",
    "provider", "quantity", "query", "question", "queue", "quota", "quotation", "rank", "rate",
    "reading", "reason", "receipt", "recipient", "record", "reference", "referral", "registration",
    "relation", "reminder", "removal", "renewal", "rental", "replacement", "reservation", "resource",
    "response", "result", "role", "room", "route", "row", "rule", "salary", "sale", "sample", "seat",
    "section", "sensor", "server", "service", "session", "setting", "settlement", "shipment", "shop",
    "signature", "site", "size", "slot", "snapshot", "source", "space", "stage", "state", "statement",
    "station", "status", "step", "stock", "street", "student", "subject", "subscriber", "subscription",
    "summary", "supplier", "supply", "survey", "system", "table", "task", "tax", "team", "temperature",
    "template", "tenant", "terms", "text", "thing", "thread", "ticket", "time", "timer", "title",
    "token", "tool", "tour", "transaction", "treatment", "trial", "trip", "type", "unit", "user",
    "value", "vehicle", "vendor", "version", "video", "visitor", "voucher", "warehouse", "warning",
    "website", "week", "weight", "withdrawal", "word", "worker", "workflow", "year", "zone",
];

/// Things that the name of a verb often stands before: `ChangeRequest`, `RefundResult`.
pub(super) static DEEDS: &[&str] = &[
    "approval", "attempt", "cancellation", "comment", "confirmation", "error", "failure", "fee", "flag",
    "history", "info", "log", "notification", "point", "report", "request", "response", "result",
    "summary",
];

/// Nouns that many a domain uses for what happened, so that they are no sign of anything else.
pub(super) static OCCURRENCES: &[&str] = &[
    "attempt", "breach", "click", "deposit", "error", "failure", "heartbeat", "measurement", "payment",
    "reading", "refund", "request", "sale", "snapshot", "success", "trade", "transfer", "view", "visit",
    "withdrawal",
];

/// Words that say nothing by themselves.
pub(super) static LITTLE: &[&str] = &[
    "a", "all", "an", "and", "any", "as", "at", "be", "by", "every", "first", "for", "from", "has",
    "have", "in", "into", "is", "its", "last", "main", "new", "next", "no", "not", "of", "off", "old",
    "on", "or", "other", "out", "over", "own", "per", "the", "to", "under", "up", "was", "were", "with",
    "without",
];

/// Parts of a name space that do not say what an event is about.
pub(super) static CONTAINERS: &[&str] = &[
    "aggregate", "aggregates", "com", "contract", "contracts", "domain", "event", "events", "io",
    "message", "messages", "model", "models", "net", "org", "v1", "v2",
];
