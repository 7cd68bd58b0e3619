//! The program on repositories that have everything git can have, from outside: what it replays must be
//! what git has, at every commit.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use annals::{EventStore, Expected, NewEvent, Tag};
use tempfile::TempDir;

/// A repository in a folder of its own.
struct Repository {
    folder: TempDir,
    place: PathBuf,
}

/// Git as it is without anybody's configuration, at a fixed time.
fn git_in(place: &Path) -> Command {
    let mut git = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
        git.env_remove(variable);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.env("GIT_AUTHOR_NAME", "Ada").env("GIT_AUTHOR_EMAIL", "ada@example.com");
    git.env("GIT_COMMITTER_NAME", "Ada").env("GIT_COMMITTER_EMAIL", "ada@example.com");
    git.env("GIT_AUTHOR_DATE", "1700000000 +0100").env("GIT_COMMITTER_DATE", "1700000000 +0100");
    git.args(["-c", "init.defaultBranch=main", "-c", "commit.gpgSign=false", "-c", "core.autocrlf=false"]);
    git.args(["-c", "protocol.file.allow=always", "-c", "gc.auto=0"]);
    git.current_dir(place);
    git
}

impl Repository {
    fn new(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("repository");
        std::fs::create_dir(&place).unwrap();
        let repository = Self { folder, place };
        repository.git(&[&["init", "--quiet"], options].concat());
        repository
    }

    /// Runs git, which must succeed, and returns what it wrote.
    fn git<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        self.git_with(arguments, b"")
    }

    fn git_with<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> String {
        let mut git = git_in(&self.place);
        git.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut git = git.spawn().unwrap();
        git.stdin.take().unwrap().write_all(input).unwrap();
        let output = git.wait_with_output().unwrap();
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.place.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Commits everything in the work tree, even if that is nothing new, and returns the commit's id.
    fn commit(&self, subject: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn blob(&self, content: &str) -> String {
        self.git_with(&["hash-object", "-w", "--stdin"], content.as_bytes())
    }

    /// Commits a tree of these paths, which need not be paths that a file system takes.
    fn commit_paths(&self, paths: &[(&str, &str, &[u8])], parents: &[&str]) -> String {
        let mut index = Vec::new();
        for (mode, object, path) in paths {
            index.extend_from_slice(format!("{mode} {object}\t").as_bytes());
            index.extend_from_slice(path);
            index.push(0);
        }
        self.git(&["read-tree", "--empty"]);
        self.git_with(&["update-index", "-z", "--index-info"], &index);
        self.commit_index(parents)
    }

    fn commit_index(&self, parents: &[&str]) -> String {
        let tree = self.git(&["write-tree"]);
        let mut arguments = vec!["commit-tree", &tree, "-m", "A tree made by hand"];
        arguments.extend(parents.iter().flat_map(|parent| ["-p", parent]));
        let commit = self.git(&arguments);
        self.git(&["update-ref", "refs/heads/main", &commit]);
        commit
    }

    /// The program's last words about every commit.
    fn replay(&self) -> String {
        let output = git_history(&[self.place.as_os_str(), "--sample".as_ref(), "1000000".as_ref()]);
        told(&output, 0)
    }

    fn equal_at_every_commit(&self) {
        let commits = self.git(&["--no-replace-objects", "rev-list", "--count", "HEAD"]);
        let told = self.replay();
        assert!(told.replace(',', "").contains(&format!(" to {commits} tree")), "{told}");
        assert!(told.contains("equal     every path, mode and object id"), "{told}");
    }
}

fn git_history<A: AsRef<OsStr>>(arguments: &[A]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_git-history"));
    program.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    program.args(arguments).output().unwrap()
}

/// What the program said, on both pipes, when it ended with this status.
fn told(output: &Output, status: i32) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(output.status.code(), Some(status), "{text}");
    text
}

#[test]
fn files_come_go_change_and_are_renamed() {
    let repository = Repository::new(&[]);
    let text = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";
    repository.write("a", text);
    repository.write("folder/b", "b");
    repository.write("empty", "");
    repository.commit("Add files");
    repository.write("a", "another");
    repository.commit("Change one");
    repository.write("a", text);
    repository.commit("Change it back");
    repository.commit("Nothing at all");
    repository.git(&["mv", "a", "moved"]);
    repository.commit("Rename");
    repository.write("moved", &format!("{text}nine\n"));
    repository.git(&["add", "moved"]);
    repository.git(&["mv", "moved", "folder/moved again"]);
    repository.commit("Rename and change");
    repository.git(&["mv", "folder/moved again", "c"]);
    repository.write("folder/moved again", "in its place");
    repository.commit("Rename and put another in its place");
    repository.git(&["mv", "c", "swap"]);
    repository.git(&["mv", "folder/b", "c"]);
    repository.git(&["mv", "swap", "folder/b"]);
    repository.commit("Swap two");
    repository.git(&["rm", "--quiet", "-r", "."]);
    repository.commit("Remove everything");
    repository.write("a", text);
    repository.commit("Begin again");
    repository.equal_at_every_commit();
}

#[test]
#[cfg(unix)]
fn modes_links_submodules_and_files_that_become_folders() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let repository = Repository::new(&[]);
    repository.write("tool", "#!/bin/sh\n");
    repository.write("thing", "a file");
    repository.commit("A file");
    std::fs::set_permissions(repository.place.join("tool"), PermissionsExt::from_mode(0o755)).unwrap();
    repository.commit("Make it executable");
    std::fs::set_permissions(repository.place.join("tool"), PermissionsExt::from_mode(0o644)).unwrap();
    repository.write("tool", "changed as well");
    let tip = repository.commit("Not executable, and changed");
    std::fs::remove_file(repository.place.join("thing")).unwrap();
    repository.write("thing/inside", "a folder");
    repository.write("thing/deeper/still", "a folder");
    repository.commit("A file becomes a folder");
    std::fs::remove_dir_all(repository.place.join("thing")).unwrap();
    symlink("tool", repository.place.join("thing")).unwrap();
    repository.commit("A folder becomes a link");
    std::fs::remove_file(repository.place.join("thing")).unwrap();
    std::fs::write(repository.place.join("thing"), "tool").unwrap();
    repository.commit("A link becomes a file with the same blob");
    let gitlink = |id: &str| format!("160000,{id},library");
    repository.git(&["update-index", "--add", "--cacheinfo", &gitlink(&tip)]);
    repository.git(&["commit", "--quiet", "--message", "Add a submodule"]);
    let head = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["update-index", "--cacheinfo", &gitlink(&head)]);
    repository.git(&["commit", "--quiet", "--message", "Move the submodule"]);
    // Git's configuration may hide submodules, renames and folders; it must not hide them from the replay.
    for (name, value) in
        [("diff.ignoreSubmodules", "all"), ("diff.renames", "copies"), ("diff.relative", "true")]
    {
        repository.git(&["config", name, value]);
    }
    repository.git(&["config", "log.showSignature", "true"]);
    repository.git(&["config", "color.ui", "always"]);
    repository.equal_at_every_commit();
    repository.write("library", "a file where a submodule was");
    repository.write("copy", "#!/bin/sh\n");
    repository.commit("A submodule becomes a file");
    repository.equal_at_every_commit();
}

#[test]
fn paths_of_any_bytes() {
    let repository = Repository::new(&[]);
    let long = [b"long/".to_vec(), vec![b'x'; 250], b"/".to_vec(), vec![b'y'; 300]].concat();
    let paths: Vec<&[u8]> = vec![
        b" leading and trailing ",
        b"'single' \"double\" `back`",
        b"new\nline\ttab\r\x01\x7f",
        br"back\slash\x41",
        b"-r",
        b":(top)*?[a]",
        b"commit",
        b"\ncommit",
        "crab 🦀/名前/é".as_bytes(),
        "e\u{301}".as_bytes(),
        "\u{85}c1".as_bytes(),
        b"latin\xe9",
        b"\xff\xfe\x80",
        b"cut \xf0\x9f\xa6",
        b"~sha256~0000000000000000000000000000000000000000000000000000000000000000",
        &long,
    ];
    let blobs: Vec<String> = (0..paths.len() + 1).map(|n| repository.blob(&n.to_string())).collect();
    let tree = |shift: usize| -> Vec<(&str, &str, &[u8])> {
        paths.iter().enumerate().map(|(i, path)| ("100644", blobs[i + shift].as_str(), *path)).collect()
    };
    let first = repository.commit_paths(&tree(0), &[]);
    let second = repository.commit_paths(&tree(1), &[&first]);
    let renamed: Vec<Vec<u8>> = paths.iter().map(|path| [b"to/", *path].concat()).collect();
    let moved: Vec<(&str, &str, &[u8])> =
        renamed.iter().enumerate().map(|(i, path)| ("100644", blobs[i + 1].as_str(), &path[..])).collect();
    let third = repository.commit_paths(&moved, &[&second]);
    let fourth = repository.commit_paths(&moved[..8], &[&third]);
    repository.commit_paths(&tree(0), &[&fourth]);
    repository.equal_at_every_commit();
}

#[test]
fn modes_of_old_repositories_and_replaced_commits() {
    let repository = Repository::new(&[]);
    let blob = repository.blob("content");
    let tree = |mode: &str| repository.git_with(&["mktree"], format!("{mode} blob {blob}\ta\n").as_bytes());
    let commit = |mode: &str, parents: &[&str]| {
        repository.git(&["read-tree", &tree(mode)]);
        repository.git(&[&["commit-tree", &tree(mode), "-m", mode], parents].concat())
    };
    let first = commit("100664", &[]);
    let second = commit("100644", &["-p", &first]);
    let third = commit("100775", &["-p", &second]);
    repository.git(&["update-ref", "refs/heads/main", &third]);
    repository.equal_at_every_commit();
    repository.git(&["replace", &second, &third]);
    repository.equal_at_every_commit();
}

/// Four roots, branches, an octopus, a merge that takes nothing from one side, an evil one.
fn branches(options: &[&str]) -> Repository {
    let repository = Repository::new(options);
    let [one, two, three, evil] = ["1", "2", "3", "evil"].map(|content| repository.blob(content));
    let root = repository.commit_paths(&[("100644", &one, b"a"), ("100644", &one, b"b")], &[]);
    let left = repository.commit_paths(&[("100644", &two, b"a"), ("100644", &one, b"b")], &[&root]);
    let right = repository.commit_paths(&[("100644", &one, b"a"), ("100755", &three, b"c")], &[&root]);
    let merged =
        repository.commit_paths(&[("100644", &two, b"a"), ("100755", &three, b"c")], &[&left, &right]);
    let from_right =
        repository.commit_paths(&[("100644", &two, b"a"), ("100755", &three, b"c")], &[&right, &left]);
    let wicked = repository.commit_paths(
        &[("100644", &evil, b"a"), ("120000", &evil, b"evil"), ("100755", &three, b"c/d")],
        &[&merged, &from_right],
    );
    let ours = repository.commit_paths(&[("100644", &two, b"a"), ("100644", &one, b"b")], &[&left, &wicked]);
    let other_root = repository.commit_paths(&[("100644", &three, b"elsewhere")], &[]);
    let empty_root = repository.commit_paths(&[], &[]);
    let octopus = repository.commit_paths(
        &[("100644", &two, b"a"), ("100644", &three, b"elsewhere"), ("100644", &evil, b"of its own")],
        &[&ours, &wicked, &other_root, &empty_root],
    );
    let backwards = repository.commit_paths(&[("100644", &three, b"elsewhere")], &[&other_root, &octopus]);
    let from_nothing = repository.commit_paths(&[("100644", &one, b"x")], &[&empty_root, &backwards]);
    let last_root = repository.commit_paths(&[("100644", &one, b"a")], &[]);
    repository.commit_paths(&[("100644", &one, b"a")], &[&from_nothing, &last_root, &left]);
    repository
}

#[test]
fn merges_octopuses_evil_ones_and_several_roots() {
    branches(&[]).equal_at_every_commit();
}

#[test]
fn a_sha_256_repository() {
    let repository = branches(&["--object-format=sha256"]);
    assert_eq!(repository.git(&["rev-parse", "HEAD"]).len(), 64);
    repository.equal_at_every_commit();
}

#[test]
fn a_bare_clone_a_shallow_one_a_partial_one_a_work_tree_and_a_folder_inside() {
    let mut repository = branches(&[]);
    repository.git(&["reset", "--quiet", "--hard"]);
    repository.write("folder/inside/file", "f");
    repository.write("other", "o");
    repository.commit("A folder");
    repository.write("other", "changed");
    repository.commit("Outside of the folder");
    let outside = repository.folder.path().to_owned();
    let place = |name: &str| outside.join(name).to_str().unwrap().to_owned();
    repository.git(&["clone", "--quiet", "--bare", ".", &place("bare")]);
    let url = format!("file://{}", repository.place.display());
    repository.git(&["clone", "--quiet", "--depth", "3", &url, &place("shallow")]);
    repository.git(&["config", "uploadpack.allowFilter", "true"]);
    let without_blobs = ["clone", "--quiet", "--bare", "--filter=blob:none", &url, &place("partial")];
    repository.git(&without_blobs);
    repository.git(&["worktree", "add", "--quiet", "--detach", &place("work"), "HEAD~1"]);
    let inside = repository.place.join("folder/inside");
    for other in
        [place("bare").into(), place("shallow").into(), place("partial").into(), place("work").into(), inside]
    {
        repository.place = other;
        repository.equal_at_every_commit();
    }
    // A store that began with a shallow clone goes on with the whole history.
    repository.place = place("shallow").into();
    let store = format!("sqlite:{}", place("store.db"));
    let run = || {
        told(
            &git_history(&[
                repository.place.as_os_str(),
                "--sample".as_ref(),
                "99".as_ref(),
                "--store".as_ref(),
                store.as_ref(),
            ]),
            0,
        )
    };
    run();
    repository.git(&["fetch", "--quiet", "--unshallow"]);
    assert!(run().contains("equal     every path"));
}

#[test]
fn a_repository_without_commits_has_nothing_to_replay() {
    for options in [&[][..], &["--bare"]] {
        assert!(Repository::new(options).replay().contains("nothing has been committed yet"));
    }
}

#[test]
fn the_tree_at_any_revision_even_one_that_head_does_not_descend_from() {
    let repository = Repository::new(&[]);
    repository.write("a", "1");
    repository.commit("One");
    repository.git(&["branch", "side"]);
    repository.write("a", "2");
    repository.commit("Two");
    repository.git(&["checkout", "--quiet", "side"]);
    repository.write("b", "3");
    let side = repository.commit("Aside");
    repository.git(&["checkout", "--quiet", "main"]);
    let told = told(
        &git_history(&[
            repository.place.as_os_str(),
            "--at".as_ref(),
            "side".as_ref(),
            "--at".as_ref(),
            "HEAD~1".as_ref(),
        ]),
        0,
    );
    assert!(told.contains(&format!("compared  2 files at {side} (side)")), "{told}");
    assert!(told.contains("(HEAD~1)") && told.contains("(HEAD)"), "{told}");
}

#[test]
fn a_commit_larger_than_an_append_and_a_run_that_goes_on() {
    let repository = Repository::new(&[]);
    let blob = repository.blob("content");
    let names: Vec<String> = (0..2_500).map(|n| format!("folder/{n}")).collect();
    let paths: Vec<(&str, &str, &[u8])> =
        names.iter().map(|name| ("100644", blob.as_str(), name.as_bytes())).collect();
    let first = repository.commit_paths(&paths, &[]);
    repository.commit_paths(&paths[1_200..], &[&first]);
    let store = format!("sqlite:{}", repository.folder.path().join("history.db").display());
    let run = || {
        let arguments = [
            repository.place.as_os_str(),
            "--sample".as_ref(),
            "9".as_ref(),
            "--store".as_ref(),
            store.as_ref(),
        ];
        told(&git_history(&arguments), 0)
    };
    assert!(run().contains("recorded  2 commits as 3,702 events"));
    assert!(run().contains("recorded  0 commits as 0 events"));
    let second = repository.git(&["rev-parse", "HEAD"]);
    repository.commit_paths(&paths, &[&second]);
    let told = run();
    assert!(
        told.contains("recorded  1 commit as 1,201 events") && told.contains("2 commits recorded before"),
        "{told}"
    );
}

/// The events of a store, in order, written to another one until `keep` are there.
async fn copy_some(from: &str, to: &str, keep: usize) {
    let (from, to) = (EventStore::connect(from).await.unwrap(), EventStore::connect(to).await.unwrap());
    for event in from.read_all().limit(keep).collect().await.unwrap() {
        let mut copy = NewEvent::new(event.event_type, event.payload);
        copy.event_id = event.event_id;
        copy.tags = event.tags;
        to.append(&event.stream_id, Expected::Any, [copy]).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_that_was_ended_in_the_middle_of_a_commit_is_completed() {
    let repository = Repository::new(&[]);
    let blob = repository.blob("content");
    let names: Vec<String> = (0..1_500).map(|n| format!("{n}")).collect();
    let paths: Vec<(&str, &str, &[u8])> =
        names.iter().map(|name| ("100644", blob.as_str(), name.as_bytes())).collect();
    repository.commit_paths(&paths, &[]);
    let place = |name: &str| format!("sqlite:{}", repository.folder.path().join(name).display());
    let run = |store: &str| {
        told(&git_history(&[repository.place.as_os_str(), "--store".as_ref(), store.as_ref()]), 0)
    };
    run(&place("whole.db"));
    // The first part of the commit, 1,000 events, is one append; the commit is not recorded yet.
    copy_some(&place("whole.db"), &place("half.db"), 1_000).await;
    assert!(run(&place("half.db")).contains("recorded  1 commit as 501 events"));
}

#[tokio::test]
async fn an_event_that_git_knows_nothing_of_makes_the_trees_unequal() {
    let repository = Repository::new(&[]);
    repository.write("a", "1");
    repository.write("b", "2");
    let commit = repository.commit("One");
    let store = format!("sqlite:{}", repository.folder.path().join("history.db").display());
    let arguments = [repository.place.as_os_str(), "--store".as_ref(), store.as_ref()];
    told(&git_history(&arguments), 0);

    let altered = serde_json::json!({ "path": "b", "object": "0".repeat(40), "mode": "100644" });
    let tag = Tag::new(format!("commit:{commit}")).unwrap();
    let events = EventStore::connect(&store).await.unwrap();
    let event = NewEvent::json("file-changed", &altered).unwrap().tagged(tag);
    events.append("file-b", Expected::StreamExists, [event]).await.unwrap();
    drop(events);

    let told = told(&git_history(&arguments), 1);
    let blob = repository.git(&["rev-parse", "HEAD:b"]);
    let named = format!("\"b\": replayed 100644 {}, git has 100644 {blob}", "0".repeat(40));
    assert!(told.contains(&named), "{told}");
    assert!(told.contains("unequal   1 of 2 files at"), "{told}");
}

#[test]
fn what_cannot_be_compared_is_said_with_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().as_os_str();
    let repository = Repository::new(&[]);
    let here = repository.place.as_os_str();
    for (arguments, named) in [
        (vec![place], "not a git repository"),
        (vec!["/there/is/no/such/folder".as_ref()], "No such file"),
        (vec![], "which repository?"),
        (vec!["".as_ref()], "an empty PATH"),
        (vec![here, here], "more than one PATH"),
        (vec![here, "--at".as_ref()], "--at wants a value"),
        (vec![here, "--at".as_ref(), "nothing".as_ref()], "\"nothing\" is not a commit"),
        (vec![here, "--at".as_ref(), "--all".as_ref()], "\"--all\" is not a commit"),
        (vec![here, "--sample".as_ref(), "few".as_ref()], "not a number"),
        (vec![here, "--what".as_ref()], "unknown option --what"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_git-history"))
            .env("GIT_CEILING_DIRECTORIES", folder.path().parent().unwrap())
            .args(&arguments)
            .output()
            .unwrap();
        let told = told(&output, 2);
        assert!(told.contains(named), "{arguments:?}: {told}");
    }
    repository.write("a", "1");
    repository.commit("One");
    let told = told(&git_history(&[here, "--store".as_ref(), "nowhere:".as_ref()]), 2);
    assert!(told.contains("no store called \"nowhere\""), "{told}");
}

#[test]
fn this_project_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let inside = git_in(&root).args(["rev-parse", "--verify", "--quiet", "HEAD"]).output();
    if !inside.is_ok_and(|output| output.status.success()) {
        eprintln!("NOT TESTED: {} is not in a git repository with a commit", root.display());
        return;
    }
    let output = git_history(&[root.as_os_str(), "--sample".as_ref(), "50".as_ref()]);
    assert!(told(&output, 0).contains("equal     every path, mode and object id"));
}
