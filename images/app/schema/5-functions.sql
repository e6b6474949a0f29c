-- Users may be in a database of their own: what belongs to one knows the number only.
ALTER TABLE cart_lines DROP CONSTRAINT cart_lines_user_id_fkey;
ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;
ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey;
