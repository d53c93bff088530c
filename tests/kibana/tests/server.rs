//! The client and the server that stands in for Kibana: what is written is there, once, and what Kibana refuses is told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is how tests fail")]

use bpmonitor_crds::BpMonitorSpec;
use bpmonitor_crds::index::mappings;
use bpmonitor_kibana::{Content, Ward};
use bpmonitor_kibana_client::{Authentication, Connection, Kibana, Written};
use bpmonitor_test_kibana::server::{API_KEY, FakeKibana, PASSWORD, USER};
use serde_json::json;

fn content(space: &str) -> Content {
    let mut spec = BpMonitorSpec::default();
    space.clone_into(&mut spec.kibana.space);
    Content::of(&Ward::of("default", "ward-3", &spec).unwrap())
}

fn password(text: &str) -> Authentication {
    Authentication::Password { username: USER.to_owned(), password: text.to_owned() }
}

fn client(server: &FakeKibana, authentication: Authentication) -> Kibana {
    Kibana::new(&Connection { url: server.url(), ca: None, authentication }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_there_and_goes_again() {
    let server = FakeKibana::start(mappings());
    let kibana = client(&server, password(PASSWORD));
    for space in ["", "cardiology"] {
        let content = content(space);
        kibana.is_up().await.unwrap();
        kibana.write(&content).await.unwrap();
        assert_eq!(kibana.missing(&content).await.unwrap(), []);
        let count = |kind| server.state().ids(space, kind).len();
        assert_eq!(
            ["index-pattern", "search", "dashboard", "connector", "alert-rule"].map(count),
            [1, 2, 3, 1, 4]
        );
    }
    let content = content("");
    server.state().put("", "dashboard", "somebody's", json!({}));
    // Again: it is there already, and a rule that somebody turned off stays so.
    let rule = &content.rules[0].id;
    let mut known = server.state().get("", "alert-rule", rule).unwrap();
    known["enabled"] = json!(false);
    server.state().put("", "alert-rule", rule, known);
    kibana.write(&content).await.unwrap();
    assert_eq!(server.state().get("", "alert-rule", rule).unwrap()["enabled"], false);

    server.state().take("", "dashboard", &content.first);
    server.state().take("", "alert-rule", rule);
    let missing = kibana.missing(&content).await.unwrap();
    assert_eq!(missing.iter().map(|written| &written.id).collect::<Vec<_>>(), [&content.first, rule]);

    kibana.remove("", &Written::of(&content, true)).await.unwrap();
    let left: Vec<_> = ["index-pattern", "search", "dashboard", "connector", "alert-rule"]
        .into_iter()
        .flat_map(|kind| server.state().ids("", kind))
        .collect();
    assert_eq!(left, ["somebody's"]);
    assert_eq!(server.state().ids("cardiology", "dashboard").len(), 3, "another space is another's");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kibana_refuses_is_told() {
    let server = FakeKibana::start(mappings());
    let kibana = client(&server, password(PASSWORD));
    let reason = async |kibana: &Kibana| kibana.write(&content("")).await.unwrap_err();
    let stranger = reason(&client(&server, password("wrong"))).await;
    assert_eq!(stranger.reason, "KibanaUnauthorized");
    client(&server, Authentication::None).is_up().await.unwrap();

    server.state().is_starting = true;
    assert_eq!(kibana.is_up().await.unwrap_err().reason, "KibanaStarting");
    assert_eq!(reason(&kibana).await.reason, "KibanaUnavailable");
    server.state().is_starting = false;
    server.state().forbids = true;
    assert_eq!(reason(&kibana).await.reason, "KibanaForbidden");
    server.state().forbids = false;
    server.state().refuses_imports = true;
    let refused = reason(&kibana).await;
    assert_eq!(refused.reason, "ImportFailed");
    assert!(refused.to_string().contains("missing_references"), "{refused}");
    assert_eq!(server.state().ids("", "dashboard"), [""; 0], "all or nothing");
    server.state().refuses_imports = false;

    let with_key = client(&server, Authentication::ApiKey(API_KEY.to_owned()));
    with_key.write(&content("")).await.unwrap();
    assert_eq!(server.state().ids("", "dashboard").len(), 3);
    assert_eq!(server.state().ids("", "alert-rule"), [""; 0], "a key makes no rules");

    let url = server.url();
    drop(server);
    let connection = Connection { url, ca: None, authentication: Authentication::None };
    assert_eq!(Kibana::new(&connection).unwrap().is_up().await.unwrap_err().reason, "KibanaUnreachable");
    for (url, ca) in [("kibana:5601", None), ("https://kibana", Some(b"none".to_vec()))] {
        let connection = Connection { url: url.to_owned(), ca, authentication: Authentication::None };
        assert_eq!(Kibana::new(&connection).unwrap_err().reason, "KibanaSettingsUnusable");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_as_strict_as_kibana() {
    let server = FakeKibana::start(mappings());
    let http = reqwest::Client::new();
    let post = |path: &str| http.post(format!("{}{path}", server.url())).basic_auth(USER, Some(PASSWORD));
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    let file = |name: &str, text: String| {
        reqwest::multipart::Form::new()
            .part("file", reqwest::multipart::Part::text(text).file_name(name.to_owned()))
    };
    let import = "/api/saved_objects/_import?overwrite=true";
    let sound = content("").ndjson();
    assert_eq!(
        status(post(import).multipart(file("a.ndjson", sound.clone()))).await,
        400,
        "without kbn-xsrf"
    );
    let mutating = |path: &str| post(path).header("kbn-xsrf", "true");
    assert_eq!(
        status(mutating(import).multipart(file("a.json", sound.clone()))).await,
        400,
        "another end of the name"
    );
    assert_eq!(
        status(mutating("/s/gone/api/saved_objects/_import?overwrite=true")).await,
        404,
        "a space that is not there"
    );
    assert_eq!(status(mutating("/api/saved_objects/_import?createNewCopies=true")).await, 404, "copies");
    let broken = sound.replace("\"timeRestore\":true", "\"timeRestore\":false");
    let answer = mutating(import).multipart(file("a.ndjson", broken)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert!(answer.text().await.unwrap().contains("\"success\":false"));
    assert_eq!(server.state().ids("", "search"), [""; 0]);

    let content = content("");
    let (rule, connector) = (&content.rules[0], &content.connectors[0]);
    let sent =
        |path: String, body: String| mutating(&path).header("content-type", "application/json").body(body);
    let rule_path = format!("/api/alerting/rule/{}", rule.id);
    let create = rule.to_create().to_string();
    assert_eq!(status(sent(rule_path.clone(), create.clone())).await, 400, "its connector is not there");
    let connector_path = format!("/api/actions/connector/{}", connector.id);
    assert_eq!(status(sent(connector_path, connector.to_create().to_string())).await, 200);
    assert_eq!(status(sent(rule_path.clone(), create.clone())).await, 200);
    assert_eq!(status(sent(rule_path.clone(), create.clone())).await, 409);
    let put = |body: String| {
        let request = http.put(format!("{}{rule_path}", server.url())).basic_auth(USER, Some(PASSWORD));
        request.header("kbn-xsrf", "true").header("content-type", "application/json").body(body)
    };
    assert_eq!(status(put(create)).await, 400, "keys that an update refuses");
    assert_eq!(status(put(rule.to_update().to_string())).await, 200);
}
