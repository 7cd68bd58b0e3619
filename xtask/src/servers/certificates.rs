//! Certificates of one run: an authority, what it gave to `localhost`, and an authority no server belongs to.

use std::fs;
use std::path::{Path, PathBuf};

use super::ground::{Absent, Ground, to_command};
use super::words;

/// Files that servers offer and tests trust.
#[derive(Clone)]
pub(super) struct Certificates {
    /// What tests trust. Beside it is `other-ca.pem`, which makes no server trusted.
    pub(super) authority: PathBuf,
    /// For the name `localhost` only: at `127.0.0.1` it does not fit.
    pub(super) certificate: PathBuf,
    /// Only its owner can read it, so a server that runs as another user needs a copy.
    pub(super) key: PathBuf,
}

/// Nothing of the machine's own settings.
const SETTINGS: &str = "[req]\ndistinguished_name = name\n[name]\n";

impl Certificates {
    pub(super) fn new(ground: &Ground) -> Result<Self, Absent> {
        let openssl = ground.programs(&["openssl"], &[], "openssl", &["openssl"])?.command("openssl")?;
        let directory = ground.server_directory("certificates").map_err(Absent::Failed)?;
        let settings = directory.join("openssl.cnf");
        fs::write(&settings, SETTINGS).map_err(|e| Absent::Failed(e.to_string()))?;
        let make = |name: &str, options: &[&str]| {
            let mut request = openssl.clone();
            request.extend(words(["req", "-x509", "-config", &settings.display().to_string()]));
            request.extend(words(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]));
            request.extend(words(["-days", "30", "-keyout", &format!("{name}.key")]));
            request.extend(words(["-out", &format!("{name}.pem")]));
            request.extend(options.iter().map(|&option| option.to_owned()));
            let mut request = to_command(&request);
            ground.output(request.env("OPENSSL_CONF", &settings).current_dir(&directory))
        };
        let authority =
            ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
        let server =
            ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"];
        let signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "extendedKeyUsage=serverAuth"];
        make("ca", &[&authority[..], &["-subj", "/CN=Annals test authority"]].concat())
            .and_then(|_| make("other-ca", &[&authority[..], &["-subj", "/CN=Another authority"]].concat()))
            .and_then(|_| make("server", &[&server[..], &signed, &["-subj", "/CN=localhost"]].concat()))
            .map_err(Absent::Failed)?;
        Ok(Self {
            authority: directory.join("ca.pem"),
            certificate: directory.join("server.pem"),
            key: directory.join("server.key"),
        })
    }

    /// The key's copy in the directory of a server.
    pub(super) fn key_copy(&self, directory: &Path) -> Result<PathBuf, String> {
        let copy = directory.join("server.key");
        fs::copy(&self.key, &copy).map_err(|e| format!("{}: {e}", copy.display()))?;
        Ok(copy)
    }
}
