"""Pictures of candidates, what stood in a page when a critique was pinned, disputes, operators' decisions on labelers,
and a text index over prompts.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT_INDEX = (
    "CREATE VIRTUAL TABLE prompt_text USING fts5(text, content='prompt', content_rowid='id', tokenize='trigram')",
    "CREATE TRIGGER prompt_text_insert AFTER INSERT ON prompt BEGIN"
    " INSERT INTO prompt_text (rowid, text) VALUES (new.id, new.text); END",
    "CREATE TRIGGER prompt_text_delete AFTER DELETE ON prompt BEGIN"
    " INSERT INTO prompt_text (prompt_text, rowid, text) VALUES ('delete', old.id, old.text); END",
    "CREATE TRIGGER prompt_text_update AFTER UPDATE OF text ON prompt BEGIN"
    " INSERT INTO prompt_text (prompt_text, rowid, text) VALUES ('delete', old.id, old.text);"
    " INSERT INTO prompt_text (rowid, text) VALUES (new.id, new.text); END",
    "INSERT INTO prompt_text (prompt_text) VALUES ('rebuild')",
)
"""Trigrams find any three characters in a row, in every script."""


def upgrade() -> None:
    op.create_table(
        "picture",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("view", sa.String(length=16), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("blob_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("content_sha256", "view"),
    )
    op.create_index("ix_picture_blob_id", "picture", ["blob_id"])
    op.create_table(
        "dispute",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ulid", sa.String(length=26), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("words_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("resolved_at", sa.String(length=27), nullable=True),
        sa.Column("resolution", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"]),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.ForeignKeyConstraint(["words_id"], ["words.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("assignment_id"),
        sa.UniqueConstraint("ulid"),
    )
    op.create_index("ix_dispute_labeler_id", "dispute", ["labeler_id"])
    op.create_index("ix_dispute_words_id", "dispute", ["words_id"])
    op.create_table(
        "labeler_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ulid", sa.String(length=26), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("weight", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ulid"),
    )
    op.create_index("ix_labeler_decision_labeler_id", "labeler_decision", ["labeler_id"])
    op.add_column("labeler", sa.Column("weight", sa.Float(), nullable=True))
    op.add_column("assignment", sa.Column("device", sa.String(length=16), nullable=True))
    op.add_column("ranking_detail", sa.Column("tried", sa.JSON(), nullable=True))
    # Alembic adds no column that refers to another table on SQLite, which can.
    for column in ("snapshot_id", "crop_id"):
        op.execute(f"ALTER TABLE critique ADD COLUMN {column} INTEGER REFERENCES blob (id)")
        op.create_index(f"ix_critique_{column}", "critique", [column])
    for statement in TEXT_INDEX:
        op.execute(statement)
