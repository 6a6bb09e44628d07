//! The REST API: `/rest/...` of the real platform, as far as clients of it need.

mod caller;
mod configuration;
mod incidents;
mod parts;
mod session;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

use super::Platform;
use super::refusal::Refusal;
pub(crate) use session::server_version;

/// Exports are large.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// All endpoints.
pub(crate) fn router(platform: Platform) -> Router {
    let organization = Router::new()
        .merge(configuration_routes())
        .merge(incident_routes());
    Router::new()
        .route("/rest/session", get(session::by_key).post(session::login))
        .route("/rest/const", get(session::constants))
        .route("/rest/const/", get(session::constants))
        .route("/rest/orgs/{org}", get(session::organization))
        .nest("/rest/orgs/{org}", organization)
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(platform)
}

fn configuration_routes() -> Router<Platform> {
    use configuration as c;
    Router::new()
        .route("/types", get(c::types))
        .route("/types/{name}", get(c::type_named))
        .route("/types/{name}/fields", get(c::fields))
        .route("/actions", get(c::actions))
        .route("/connectors/queues", get(c::connector_queues))
        .route("/functions", get(c::functions))
        .route("/functions/{name}", get(c::function))
        .route("/message_destinations", get(c::destinations))
        .route(
            "/message_destinations/{id}",
            get(c::destination).put(c::put_destination),
        )
        .route("/layouts", get(c::layouts))
        .route("/layouts/{id}", get(c::layout).put(c::put_layout))
        .route("/configurations/exports", post(c::export))
        .route("/configurations/exports/", post(c::export))
        .route("/configurations/imports", post(c::begin_import))
        .route("/configurations/imports/{id}", put(c::settle_import))
}

fn incident_routes() -> Router<Platform> {
    use {incidents as i, parts as p};
    Router::new()
        .route("/incidents", post(i::create))
        .route("/incidents/{id}/action_invocations", post(i::run_menu_rule))
        .route("/workflow_instances/{id}", get(i::workflow_instance))
        .route("/incidents/query", post(i::query))
        .route("/incidents/query_paged", post(i::query_paged))
        .route(
            "/incidents/{id}",
            get(i::read)
                .patch(i::patch)
                .put(i::replace)
                .delete(i::delete),
        )
        .route(
            "/incidents/{id}/artifacts",
            get(p::artifacts).post(p::add_artifact),
        )
        .route(
            "/incidents/{id}/artifacts/query_paged",
            post(p::artifacts_paged),
        )
        .route("/incidents/{id}/comments", get(p::notes).post(p::add_note))
        .route("/incidents/{id}/table_data/{table}", get(p::rows))
        .route(
            "/incidents/{id}/table_data/{table}/row_data",
            post(p::add_row),
        )
}

async fn unknown() -> Response {
    Refusal::missing("there is no such resource").into_response()
}
