//! The page that a person sees.

use std::fmt::Write;

use crate::assets::Assets;
use crate::shop::products::{Page, Product};

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>Shop</title>";

const TOP: &str = "<h1>Shop</h1>\
<table><tr><th>Product<th class=\"n\">Price<th class=\"n\">In stock</tr>";

/// Where no front end is published, the page is all there is.
const STYLE: &str = "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}\
table{width:100%;border-collapse:collapse}td,th{padding:.3rem .6rem;text-align:left;\
border-bottom:1px solid #ddd}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
nav a{margin-right:1rem}footer{color:#666;font-size:.85rem;margin-top:2rem}</style>";

/// The catalogue as HTML. `node` names the task that answered, `assets` are those it refers to.
pub fn catalogue(page: &Page, node: &str, assets: Option<&Assets>) -> String {
    let mut html = String::with_capacity(8192);
    html.push_str(HEAD);
    match assets {
        None => html.push_str(STYLE),
        Some(assets) => html.push_str(&format!(
            "<link rel=\"stylesheet\" href=\"{}\"><script type=\"module\" src=\"{}\"></script>",
            assets.url("app.css"),
            assets.url("app.js")
        )),
    }
    html.push_str(TOP);
    for product in &page.products {
        html.push_str(&row(product, assets));
    }
    html.push_str("</table><nav><p>");
    if page.page > 1 {
        html.push_str(&link(page.page - 1, "Previous"));
    }
    if let Some(next) = page.next {
        html.push_str(&link(next, "Next"));
    }
    // Writing to a string cannot fail.
    let _ = write!(html, "</nav><footer>Served by {}</footer></html>", escaped(node));
    html
}

fn row(product: &Product, assets: Option<&Assets>) -> String {
    let image = assets.map(|assets| {
        let url = assets.url(&format!("products/{}.svg", product.id));
        format!("<img src=\"{url}\" alt=\"\" loading=\"lazy\">")
    });
    format!(
        "<tr data-product=\"{}\"><td>{}<a href=\"/products/{}\">{}</a><td class=\"n\">{}.{:02}<td class=\"n\">{}</tr>",
        product.id,
        image.unwrap_or_default(),
        product.id,
        escaped(&product.name),
        product.price_cents / 100,
        product.price_cents % 100,
        product.stock
    )
}

fn link(page: i64, text: &str) -> String {
    format!("<a href=\"/?page={page}\">{text}</a>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_listed_with_names_escaped() {
        let product =
            Product { id: 7, name: "<b>Lamp & \"co\"</b>".into(), price_cents: 1205, stock: 3 };
        let page = Page { page: 2, products: vec![product], next: Some(3) };
        let html = catalogue(&page, "web-a1", None);
        assert!(html.contains("&lt;b&gt;Lamp &amp; &quot;co&quot;&lt;/b&gt;"), "{html}");
        assert!(html.contains("12.05"), "{html}");
        assert!(html.contains("/?page=1") && html.contains("/?page=3"), "{html}");
        assert!(html.contains("web-a1"), "{html}");
        assert!(html.contains("<style>") && !html.contains("/assets/"), "{html}");
    }

    #[test]
    fn what_is_published_is_named_with_its_version() {
        let assets = Assets::embedded();
        let product = Product { id: 7, name: "Lamp".into(), price_cents: 1205, stock: 3 };
        let page = Page { page: 1, products: vec![product], next: None };
        let html = catalogue(&page, "web-a1", Some(&assets));
        for path in ["app.css", "app.js", "products/7.svg"] {
            assert!(html.contains(&format!("/assets/{}/{path}", assets.version())), "{html}");
        }
        assert!(!html.contains("<style>"), "{html}");
    }
}
