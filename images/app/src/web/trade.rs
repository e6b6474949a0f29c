//! What users ask for.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Html;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::visitor::Visitor;
use super::{App, Shared, input, page};
use crate::db::{Function, Visit};
use crate::shop::cart::{CartLine, PutInCart};
use crate::shop::leaderboard::{Leaderboard, Sold};
use crate::shop::orders::{GetOrder, Item, Items, Order, PlaceOrder, Placed, Traced};
use crate::shop::posts::{ListPosts, Post, WritePost, Written, check_post};
use crate::shop::products::{GetProduct, ListProducts, MAX_PAGE, Page, Product};
use crate::shop::promise::Key;
use crate::shop::users::{
    FindUser, OpenSession, SignUp, Token, WhoIs, check_credentials, hash_password, new_user_id,
    password_matches,
};
use crate::shop::{Rejection, check_quantity};
use crate::trace;

type Body = Result<Bytes, BytesRejection>;
type Answer<T> = Result<Json<T>, ApiError>;
type AnswerWithStatus<T> = Result<(StatusCode, Json<T>), ApiError>;

/// Which page.
#[derive(Deserialize)]
pub struct PageQuery {
    page: Option<i64>,
}

/// The catalogue for people.
pub async fn home(
    State(app): Shared,
    Visitor(visit): Visitor,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Html<String>, ApiError> {
    let list = app.cache.read(&visit, list_products(query)?).await?;
    Ok(Html(page::catalogue(
        &list,
        &app.node_name,
        app.publisher.is_some().then_some(&*app.assets),
    )))
}

/// A page of the catalogue.
pub async fn products(
    State(app): Shared,
    Visitor(visit): Visitor,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Answer<Page> {
    Ok(Json(app.cache.read(&visit, list_products(query)?).await?))
}

fn list_products(
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<ListProducts, ApiError> {
    let page = input::query(query)?.page.unwrap_or(1);
    if (1..=MAX_PAGE).contains(&page) {
        return Ok(ListProducts { page });
    }
    let error = format!("there is no page {page}");
    Err(Rejection::new(400, error, "pages are counted from 1").into())
}

/// One product.
pub async fn product(
    State(app): Shared,
    Visitor(visit): Visitor,
    Path(id): Path<String>,
) -> Answer<Product> {
    let id = input::path(&id)?;
    Ok(Json(app.cache.read(&visit, GetProduct { id }).await?))
}

/// What sold best of late.
pub async fn leaderboard(State(app): Shared, Visitor(visit): Visitor) -> Answer<Value> {
    let best: Vec<Sold> = app.cache.read(&visit, Leaderboard).await?;
    Ok(Json(json!({ "products": best })))
}

/// Name and password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    name: String,
    password: String,
}

/// Creates a user.
pub async fn sign_up(
    State(app): Shared,
    Visitor(visit): Visitor,
    body: Body,
) -> AnswerWithStatus<Value> {
    let Credentials { name, password } = input::json(body)?;
    check_credentials(&name, &password)?;
    let hashed = hashing(&app, move || hash_password(&password)).await?;
    let password_hash = hashed.map_err(|e| ApiError::internal(e.to_string()))?;
    let work = SignUp { user_id: new_user_id(), name, password_hash };
    let user_id = app.db.run(&visit, &work).await?;
    // As text: the number has more digits than JavaScript keeps.
    Ok((StatusCode::CREATED, Json(json!({ "user_id": user_id.to_string() }))))
}

/// Either name and password, or `{"guest": true}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    #[serde(default)]
    guest: bool,
    name: Option<String>,
    password: Option<String>,
}

/// Opens a session.
pub async fn sign_in(
    State(app): Shared,
    Visitor(visit): Visitor,
    body: Body,
) -> AnswerWithStatus<Value> {
    let request: SignIn = input::json(body)?;
    let user_id = match (request.guest, request.name, request.password) {
        (true, None, None) => new_user_id(),
        (false, Some(name), Some(password)) => known_user(&app, &visit, name, password).await?,
        _ => {
            let hint = "send either name and password, or only \"guest\": true";
            return Err(Rejection::new(400, "nobody can sign in like this", hint).into());
        }
    };
    let (token, text) = Token::generate();
    let session = WhoIs { token: token.clone() };
    app.db.run(&visit, &OpenSession { user_id, guest: request.guest, token }).await?;
    let users = app.db.of(Function::Users).function();
    if let Some(position) = visit.seen().positions.of(users) {
        app.cache.put(&session, &user_id, position).await;
    }
    let answer = json!({ "token": text, "user_id": user_id.to_string() });
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn known_user(
    app: &App,
    visit: &Visit,
    name: String,
    password: String,
) -> Result<i64, ApiError> {
    check_credentials(&name, &password)?;
    let wrong = || Rejection::new(401, "name or password is wrong", "POST /users creates a user");
    let (user_id, hash) = app.db.run(visit, &FindUser { name }).await?.ok_or_else(wrong)?;
    if hashing(app, move || password_matches(&password, &hash)).await? {
        Ok(user_id)
    } else {
        Err(wrong().into())
    }
}

/// Runs what takes milliseconds of CPU where it delays nobody.
async fn hashing<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let ends = |_| ApiError::unavailable("the task is ending");
    let _turn = app.hashing.acquire().await.map_err(|_| ApiError::unavailable("no turn"))?;
    tokio::task::spawn_blocking(work).await.map_err(ends)
}

/// The cart.
pub async fn cart(
    State(app): Shared,
    Visitor(visit): Visitor,
    headers: HeaderMap,
) -> Answer<Value> {
    let token = input::token(&headers)?;
    let who = app.who(&visit, token, Function::Catalogue).await?;
    let lines: Vec<CartLine> = app.carts.read(&app.db, &app.cache, &visit, who).await?;
    let total_cents: i64 = lines.iter().map(|line| line.quantity * line.price_cents).sum();
    Ok(Json(json!({ "items": lines, "total_cents": total_cents })))
}

/// Sets the quantity of a product in the cart.
pub async fn put_in_cart(
    State(app): Shared,
    Visitor(visit): Visitor,
    headers: HeaderMap,
    body: Body,
) -> Answer<Value> {
    let token = input::token(&headers)?;
    let Item { product, quantity } = input::json(body)?;
    check_quantity(quantity)?;
    let who = app.who(&visit, token, Function::Catalogue).await?;
    let put = PutInCart { who, product, quantity };
    app.carts.put(&app.db, &app.cache, &visit, put).await?;
    Ok(Json(json!({ "product": product, "quantity": quantity })))
}

/// What is ordered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    items: Vec<Item>,
}

/// Places an order.
pub async fn order(
    State(app): Shared,
    Visitor(visit): Visitor,
    headers: HeaderMap,
    body: Body,
) -> AnswerWithStatus<Placed> {
    let idempotent = app.db.of(Function::Catalogue).idempotency();
    let token = input::token(&headers)?;
    let key = input::key(&headers, idempotent)?;
    let OrderRequest { items } = input::json(body)?;
    let relay = app.queues.as_ref().and_then(|queues| queues.relay.as_ref());
    let event = relay.map(|_| Traced(trace::current().map(|span| span.to_string())));
    let items = Items::new(&items)?;
    let who = app.who(&visit, token, Function::Catalogue).await?;
    let work = PlaceOrder { who, key, idempotent, items, event };
    let placed = app.db.run(&visit, &work).await?;
    if let Some(relay) = relay {
        relay.wake();
    }
    if let (Some(inline), false) = (&app.inline, placed.replayed) {
        inline.send(&work.told(&placed)).await;
    }
    if !placed.replayed {
        let products = work.items.products().to_vec();
        app.carts.ordered(&app.cache, work.who, products).await;
    }
    Ok((created_unless(placed.replayed), Json(placed)))
}

/// Reads an order back.
pub async fn get_order(
    State(app): Shared,
    Visitor(visit): Visitor,
    Path(key): Path<String>,
) -> Answer<Order> {
    let key = Key::new(&key)?;
    Ok(Json(app.db.run(&visit, &GetOrder { key }).await?))
}

/// What is posted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostRequest {
    topic: String,
    body: String,
}

/// Writes a forum post.
pub async fn write_post(
    State(app): Shared,
    Visitor(visit): Visitor,
    headers: HeaderMap,
    body: Body,
) -> AnswerWithStatus<Written> {
    let idempotent = app.db.of(Function::Catalogue).idempotency();
    let token = input::optional_token(&headers)?;
    let key = input::key(&headers, idempotent)?;
    let PostRequest { topic, body } = input::json(body)?;
    check_post(&topic, &body)?;
    let stale = ListPosts { topic: topic.clone() };
    let who = match token {
        Some(token) => Some(app.who(&visit, token, Function::Forum).await?),
        None => None,
    };
    let written = app.db.run(&visit, &WritePost { who, key, idempotent, topic, body }).await?;
    app.cache.forget(&stale).await;
    Ok((created_unless(written.replayed), Json(written)))
}

/// Which topic.
#[derive(Deserialize)]
pub struct TopicQuery {
    topic: String,
}

/// The latest posts of a topic.
pub async fn posts(
    State(app): Shared,
    Visitor(visit): Visitor,
    query: Result<Query<TopicQuery>, QueryRejection>,
) -> Answer<Value> {
    let TopicQuery { topic } = input::query(query)?;
    let posts: Vec<Post> = app.cache.read(&visit, ListPosts { topic }).await?;
    Ok(Json(json!({ "posts": posts })))
}

fn created_unless(replayed: bool) -> StatusCode {
    if replayed { StatusCode::OK } else { StatusCode::CREATED }
}
