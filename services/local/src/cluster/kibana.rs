//! `bpmonitor kibana export` and `bpmonitor kibana import`: dashboards and alert rules for those who have no operator.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bpmonitor_kibana::{Content, Ward};
use bpmonitor_kibana_client::{Authentication, Connection, Kibana};
use bpmonitor_settings::manifest::{self, Settings};
use clap::{Args, Subcommand};

use crate::failure::bad_usage;
use crate::pump;

/// What is done with Kibana.
#[derive(Debug, Subcommand)]
pub(crate) enum KibanaCommand {
    /// Print the data view, saved searches and dashboards of a manifest, as Kibana imports them
    ///
    /// NDJSON for Stack Management, Saved Objects, Import. Alert rules cannot be imported by hand: `import` makes them.
    Export(KibanaExportArgs),
    /// Write dashboards and alert rules into Kibana, over those of the same manifest
    ///
    /// Alert rules need a user name and a password: Kibana makes none for an API key. Nothing else in Kibana is touched.
    Import(Box<KibanaImportArgs>),
}

/// What `export` takes.
#[derive(Debug, Args)]
pub(crate) struct KibanaExportArgs {
    /// The `BpMonitor` manifest: names, thresholds, space
    #[arg(short = 'f', long = "file", value_name = "FILE", env = "BPMONITOR_FILE")]
    file: PathBuf,
}

/// What `import` takes.
#[derive(Debug, Args)]
pub(crate) struct KibanaImportArgs {
    /// The `BpMonitor` manifest: names, thresholds, space
    #[arg(short = 'f', long = "file", value_name = "FILE", env = "BPMONITOR_FILE")]
    file: PathBuf,
    #[command(flatten)]
    kibana: KibanaArgs,
}

/// How Kibana is reached. TLS is the default.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kibana")]
#[expect(clippy::struct_field_names, reason = "flags are named by their fields")]
pub(crate) struct KibanaArgs {
    /// Its URL, with its base path where it has one; the manifest's spec.kibana.url unless given
    #[arg(long, value_name = "URL", env = "BPMONITOR_KIBANA_URL", hide_env_values = true)]
    kibana_url: Option<String>,
    /// The certificate authorities to trust, in PEM; the built-in ones unless given
    #[arg(long, value_name = "FILE", env = "BPMONITOR_KIBANA_CA")]
    kibana_ca: Option<PathBuf>,
    /// A user name to authenticate with
    #[arg(long, value_name = "NAME", env = "BPMONITOR_KIBANA_USERNAME", requires = "kibana_password_file")]
    kibana_username: Option<String>,
    /// The user's password, in a file
    #[arg(long, value_name = "FILE", env = "BPMONITOR_KIBANA_PASSWORD_FILE", requires = "kibana_username")]
    kibana_password_file: Option<PathBuf>,
    /// An API key in its encoded form, in a file: for dashboards without alert rules
    #[arg(
        long,
        value_name = "FILE",
        env = "BPMONITOR_KIBANA_API_KEY_FILE",
        conflicts_with = "kibana_username"
    )]
    kibana_api_key_file: Option<PathBuf>,
    /// Let the URL be without encryption (http), for a laboratory only; the manifest's spec.kibana.insecure counts for its own URL
    #[arg(long, env = "BPMONITOR_KIBANA_INSECURE", value_parser = clap::builder::BoolishValueParser::new())]
    kibana_insecure: bool,
}

/// Does it.
pub(crate) fn kibana(command: &KibanaCommand) -> Result<()> {
    match command {
        KibanaCommand::Export(args) => export(args),
        KibanaCommand::Import(args) => import(args),
    }
}

fn export(args: &KibanaExportArgs) -> Result<()> {
    let content = content(&manifest::read(&args.file)?)?;
    Ok(io::stdout().lock().write_all(content.ndjson().as_bytes())?)
}

fn import(args: &KibanaImportArgs) -> Result<()> {
    let settings = manifest::read(&args.file)?;
    let content = content(&settings)?;
    let connection = args.kibana.connection(&settings)?.ok_or_else(|| {
        bad_usage("no Kibana is given: give --kibana-url, or a manifest with spec.kibana.url")
    })?;
    let kibana = Kibana::new(&connection)?;
    pump::runtime()?.block_on(async {
        kibana.is_up().await?;
        kibana.write(&content).await
    })?;
    let mut out = io::stdout().lock();
    writeln!(out, "dashboards: there, at {}{}", connection.url.trim_end_matches('/'), content.path())?;
    if kibana.may_make_rules() {
        writeln!(out, "alert rules: {} there", content.rules.len())?;
    } else {
        writeln!(
            out,
            "alert rules: not made, since an API key cannot make them: give --kibana-username and --kibana-password-file"
        )?;
    }
    Ok(())
}

/// What a manifest's monitor has in Kibana.
pub(super) fn content(settings: &Settings) -> Result<Content> {
    let (monitor, spec) = (&settings.monitor, &settings.resource.spec);
    let ward = Ward::of(&monitor.namespace, &monitor.name, spec);
    let ward = ward.map_err(|_| bad_usage("spec.thresholds: its limits contradict each other"))?;
    Ok(Content::of(&ward))
}

impl KibanaArgs {
    /// How Kibana is reached; none where no URL is known. What the manifest says of encryption counts only for its own URL.
    pub(super) fn connection(&self, settings: &Settings) -> Result<Option<Connection>> {
        let manifests = &settings.resource.spec.kibana;
        let (url, insecure) = match (&self.kibana_url, &manifests.url) {
            (Some(url), _) => (url, self.kibana_insecure),
            (None, Some(url)) => (url, self.kibana_insecure || manifests.insecure),
            (None, None) => return Ok(None),
        };
        if url.starts_with("http://") && !insecure {
            return Err(bad_usage(format!(
                "{url} is not encrypted: use https, or, in a laboratory, give --kibana-insecure"
            )));
        }
        let ca = self.kibana_ca.as_deref().map(|file| read("--kibana-ca", file)).transpose()?;
        Ok(Some(Connection { url: url.clone(), ca, authentication: self.authentication()? }))
    }

    fn authentication(&self) -> Result<Authentication> {
        if let Some(file) = &self.kibana_api_key_file {
            return Ok(Authentication::ApiKey(secret("--kibana-api-key-file", file)?));
        }
        match (&self.kibana_username, &self.kibana_password_file) {
            (Some(username), Some(file)) => Ok(Authentication::Password {
                username: username.clone(),
                password: secret("--kibana-password-file", file)?,
            }),
            _ => Ok(Authentication::None),
        }
    }
}

fn read(flag: &str, file: &Path) -> Result<Vec<u8>> {
    fs::read(file).map_err(|error| bad_usage(format!("{flag} {}: {error}", file.display())))
}

/// A file's text; a line end behind it does not count.
fn secret(flag: &str, file: &Path) -> Result<String> {
    let text = String::from_utf8(read(flag, file)?).with_context(|| format!("{flag} {}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
