//! The page that a person sees.

use std::fmt::Write;

use crate::shop::products::{Page, Product};

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>Shop</title>\
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}\
table{width:100%;border-collapse:collapse}td,th{padding:.3rem .6rem;text-align:left;\
border-bottom:1px solid #ddd}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
nav a{margin-right:1rem}footer{color:#666;font-size:.85rem;margin-top:2rem}</style>\
<h1>Shop</h1><table><tr><th>Product<th class=\"n\">Price<th class=\"n\">In stock</tr>";

/// The catalogue as HTML. `node` names the task that answered.
pub fn catalogue(page: &Page, node: &str) -> String {
    let mut html = String::with_capacity(4096);
    html.push_str(HEAD);
    for product in &page.products {
        html.push_str(&row(product));
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

fn row(product: &Product) -> String {
    format!(
        "<tr><td><a href=\"/products/{}\">{}</a><td class=\"n\">{}.{:02}<td class=\"n\">{}</tr>",
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
        let html = catalogue(&page, "web-a1");
        assert!(html.contains("&lt;b&gt;Lamp &amp; &quot;co&quot;&lt;/b&gt;"), "{html}");
        assert!(html.contains("12.05"), "{html}");
        assert!(html.contains("/?page=1") && html.contains("/?page=3"), "{html}");
        assert!(html.contains("web-a1"), "{html}");
    }
}
