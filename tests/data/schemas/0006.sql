PRAGMA application_id=1382377070;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0006');
CREATE TABLE assignment (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	round_id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	shown JSON NOT NULL, 
	leased_at VARCHAR(27) NOT NULL, 
	lease_expires_at VARCHAR(27) NOT NULL, 
	finished_at VARCHAR(27), 
	active_s FLOAT, 
	pay_rate_usd_hour FLOAT, 
	cost_usd FLOAT, note TEXT, reopened_at VARCHAR(27), control_id INTEGER REFERENCES control (id), device VARCHAR(16), 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	FOREIGN KEY(round_id) REFERENCES round (id), 
	UNIQUE (round_id, labeler_id), 
	UNIQUE (ulid)
);
INSERT INTO "assignment" VALUES(1,'01M87205PF0R30EBC9WPEFMFKP',2,1,'finished','[3,4]','2026-11-24T15:15:13.743058Z','2026-11-24T16:15:13.743058Z','2026-11-24T15:15:13.746964Z',40.0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "assignment" VALUES(2,'01M87205PN5QTF7JTK38F3BSFX',2,2,'finished','[4,3]','2026-11-24T15:15:13.749427Z','2026-11-24T16:15:13.749427Z','2026-11-24T15:15:13.749797Z',40.0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "assignment" VALUES(3,'01M87205PZBVC30TFQF1NXBZHD',4,1,'finished','[7,4]','2026-11-24T15:15:13.759096Z','2026-11-24T16:15:13.759096Z','2026-11-24T15:15:13.759537Z',40.0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "assignment" VALUES(4,'01M87205PZBVC30TFQF1NXBZHJ',4,3,'leased','[7,4]','2026-11-24T15:15:13.759997Z','2026-11-24T16:15:13.759997Z',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "assignment" VALUES(5,'01M87205Q06HFAW4ADSJVFWVZ6',1,3,'leased','[1,2]','2026-11-24T15:15:13.760277Z','2026-11-24T16:15:13.760277Z',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE batch (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	project_id INTEGER NOT NULL, 
	settings_version_id INTEGER NOT NULL, 
	source_file TEXT NOT NULL, 
	source_sha256 VARCHAR(64) NOT NULL, 
	rows INTEGER NOT NULL, 
	rows_new INTEGER NOT NULL, 
	options JSON NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	ended_at VARCHAR(27), 
	PRIMARY KEY (id), 
	FOREIGN KEY(project_id) REFERENCES project (id), 
	FOREIGN KEY(settings_version_id) REFERENCES settings_version (id), 
	UNIQUE (ulid)
);
CREATE TABLE blob (
	id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	size INTEGER NOT NULL, 
	encoding VARCHAR(16) NOT NULL, 
	base_id INTEGER, 
	data BLOB NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(base_id) REFERENCES blob (id), 
	UNIQUE (sha256)
);
INSERT INTO "blob" VALUES(1,'0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969',432,'zstd',NULL,X'28B52FFD60B000ED01002403596F75207772697465206F6E6520696E7465726163746976652070616720612073696E676C652048544D4C2066696C652E200200EFB25216ADD309');
INSERT INTO "blob" VALUES(2,'c86139f3d5e3b3e8a28131d621f24587b24f9248c15af39e510b527c395f5a07',778,'zstd',NULL,X'28B52FFD600A026D0F00861F5F2500515507E0487D8144935B8BA20AC3FFB5F6531EDDA3FA463F47FA7F8181B451553545040F5200550054000A0A0177E89413FA759EDD95C53BFE4C4B0DEE708CE89BFE4C22DD5A50F9D53B968CD39B1434CFC9AF5B705A286EA5D5B535AD6E7D12759E53C2ADECD8CDC1B78C9749227EF24D71726AE94B590D4D08D002043CE7F495FA93790A17919A6B4AD35CD3940D0AE17A94903B1147081FF56779F29D82AE51FE3AE48D56324788DC598E5863530F62948E3F1B14047270476A18357EBDBE0C7ED07B2FE00EE46AD2E8027A167F14024CF34E1534A1F2402EF94AD754A4506DAE69BDB1138ECDA86A5E849415DDA6AFC278571A1FA26C9AC64EB8289B63B26A8AA39AC630ADFAB31F3DDAE01893D4FA2474AAB9A639665D542681B1B988D43448A59BF18A93534B4DD3F803676797BC799B27436F6C330B630F3A1B5AB91516DD0AE3D7176E88AB89F22C1D7F168D47E19F840B7C897CE071DD49BE3C4EC02EA02821F6A0CBDB3546346F8603848F591E10C25A58E9D01B052C20101CC754DECD0CCC3EC2B4B350252D84D0AB00F47B6DA558091AEBB571E7AC9EB2A19BC0DAEC7D037F33FC3944A113B463E15284A132A4EF77DA43C7618234A4B2AF86FF9D86650B0C366C77B506C4F99E0B34B7AA96B53950B18160095DB746ECEC35AC888583DC7A596009');
INSERT INTO "blob" VALUES(3,'214953883ae947fbf137c4a4af23f9476d75627014a37f4d1961a6ff813796f3',778,'zstd',NULL,X'28B52FFD600A026D0F00861F5F2500515507E0487D8144935B8BA20AC3FFB5F6531EDDA3FA463F47FA7F8181B451553545040F5200550054000A0A0177E89413FA759EDD95C53BFE4C4B0DEE708CE89BFE4C22DD5A50F9D53B968CD39B1434CFC9AF5B705A286EA5D5B535AD6E7D12759E53C2ADECD8CDC1B78C9749227EF24D71726AE94B590D4D08D002043CE7F495FA93790A17919A6B4AD35CD3940D0AE17A94903B1147081FF56779F29D82AE51FE3AE48D56324788DC598E5863530F62948E3F1B14047270476A18357EBDBE0C7ED07B2FE00EE46AD2E8027A167F14024CF34E1534A1F2402EF94AD754A4506DAE69BDB1138ECDA86A5E849415DDA6AFC278571A1FA26C9AC64EB8289B63B26A8AA39AC630ADFAB31F3DDAE01893D4FA2474AAB9A639665D542681B1B988D4B448A59BF18A93534B4DD3F803676797BC799B27436F6C330B630F3A1B5AB91516DD0AE3D7176E88AB89F22C1D7F168D47E19F840B7C897CE071DD49BE3C4EC02EA02821F6A0CBDB3546346F8603848F591E10C25A58E9D01B052C20101CC754DECD0CCC3EC2B4B350252D84D0AB00F47B6DA558091AEBB571E7AC9EB2A19BC0DAEC7D037F33FC3944A113B463E15284A132A4EF77DA43C7618234A4B2AF86FF9D86650B0C366C77B506C4F99E0B34B7AA96B53950B18160095DB746ECEC35AC888583DC7A596009');
INSERT INTO "blob" VALUES(4,'db390b2946a0857ec14dbdfb335ce1396b0bba8cf1fe7a91ca62ea64181e0421',778,'zstd-ref',3,X'28B52FFD600A027500001831313102007A40358786940002');
INSERT INTO "blob" VALUES(5,'3837b152fefc450dfc1b6784a77dc2945f355e340985714fbeaf4fc2d38dfad0',4,'raw',NULL,X'23393939');
INSERT INTO "blob" VALUES(6,'eeb78a41df080d3e66171b267585ec425dfb6ab431a39f9ec080c8cfa62aad29',4,'raw',NULL,X'23313131');
CREATE TABLE candidate (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	chain_id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	slot INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	parent_id INTEGER, 
	plan_id INTEGER, 
	call_id INTEGER, 
	given_id TEXT, 
	generator TEXT, 
	made_by VARCHAR(16) NOT NULL, 
	content_sha256 VARCHAR(64), 
	size_bytes INTEGER NOT NULL, 
	how VARCHAR(16) NOT NULL, 
	reason TEXT, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(call_id) REFERENCES model_call (id), 
	FOREIGN KEY(chain_id) REFERENCES chain (id), 
	FOREIGN KEY(parent_id) REFERENCES candidate (id), 
	CONSTRAINT fk_candidate_plan FOREIGN KEY(plan_id) REFERENCES "plan" (id), 
	UNIQUE (chain_id, round, slot), 
	UNIQUE (ulid)
);
INSERT INTO "candidate" VALUES(1,'01M87205NZAH2J58VNZTYYNXJN',1,1,0,'draft','ok',NULL,NULL,1,NULL,'demo/scripted','program','5d801ac053ccd0364cfb830ece27f1d8a5588c5bb91e929a1e55b90a93a75f4e',778,'draft',NULL,'2026-11-24T15:15:13.727910Z');
INSERT INTO "candidate" VALUES(2,'01M87205P178MBPP105YP50VS3',1,1,1,'draft','ok',NULL,NULL,2,NULL,'demo/scripted','program','4f8d4aa31788a8b358c444b8b57837d2907278a6e2cce4badc5d2d9922d5fb5a',778,'draft',NULL,'2026-11-24T15:15:13.729494Z');
INSERT INTO "candidate" VALUES(3,'01M87205P94N0JW7PM7AA2Y94G',2,1,0,'draft','ok',NULL,NULL,3,NULL,'demo/scripted','program','5d801ac053ccd0364cfb830ece27f1d8a5588c5bb91e929a1e55b90a93a75f4e',778,'draft',NULL,'2026-11-24T15:15:13.737691Z');
INSERT INTO "candidate" VALUES(4,'01M87205P94N0JW7PM7AA2Y94J',2,1,1,'draft','ok',NULL,NULL,4,NULL,'demo/scripted','program','4f8d4aa31788a8b358c444b8b57837d2907278a6e2cce4badc5d2d9922d5fb5a',778,'draft',NULL,'2026-11-24T15:15:13.737930Z');
INSERT INTO "candidate" VALUES(5,'01M87205PA766DGQW631WJE7QP',3,1,0,'draft','ok',NULL,NULL,5,NULL,'demo/scripted','program','5d801ac053ccd0364cfb830ece27f1d8a5588c5bb91e929a1e55b90a93a75f4e',778,'draft',NULL,'2026-11-24T15:15:13.738729Z');
INSERT INTO "candidate" VALUES(6,'01M87205PA766DGQW631WJE7QR',3,1,1,'draft','ok',NULL,NULL,6,NULL,'demo/scripted','program','4f8d4aa31788a8b358c444b8b57837d2907278a6e2cce4badc5d2d9922d5fb5a',778,'draft',NULL,'2026-11-24T15:15:13.738923Z');
INSERT INTO "candidate" VALUES(7,'01M87205PV2QR25A7WPP0RZX19',2,2,0,'revision','ok',4,1,7,NULL,'demo/scripted','program','325ddd77d0ee80c354f74aeff4dcafef7216cc520015e1a792e37a5dea224c50',778,'blocks',NULL,'2026-11-24T15:15:13.755111Z');
CREATE TABLE candidate_author (
	id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(candidate_id) REFERENCES candidate (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	UNIQUE (labeler_id, candidate_id)
);
CREATE TABLE candidate_file (
	id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	filename VARCHAR(255) NOT NULL, 
	blob_id INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(blob_id) REFERENCES blob (id), 
	FOREIGN KEY(candidate_id) REFERENCES candidate (id), 
	UNIQUE (candidate_id, position)
);
INSERT INTO "candidate_file" VALUES(1,1,0,'index.html',2);
INSERT INTO "candidate_file" VALUES(2,2,0,'index.html',3);
INSERT INTO "candidate_file" VALUES(3,3,0,'index.html',2);
INSERT INTO "candidate_file" VALUES(4,4,0,'index.html',3);
INSERT INTO "candidate_file" VALUES(5,5,0,'index.html',2);
INSERT INTO "candidate_file" VALUES(6,6,0,'index.html',3);
INSERT INTO "candidate_file" VALUES(7,7,0,'index.html',4);
CREATE TABLE chain (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	project_id INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	batch_id INTEGER, 
	settings_version_id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	stop_reason VARCHAR(16), 
	seed INTEGER NOT NULL, 
	priority INTEGER NOT NULL, 
	owner_id INTEGER, 
	incumbent_id INTEGER, 
	pinned_id INTEGER, 
	paused_at VARCHAR(27), 
	stop_requested_at VARCHAR(27), 
	is_demo BOOLEAN NOT NULL, 
	is_simulated BOOLEAN NOT NULL, 
	audit VARCHAR(16), 
	error TEXT, 
	parent_chain_id INTEGER, 
	fork_round INTEGER, 
	created_at VARCHAR(27) NOT NULL, 
	started_at VARCHAR(27), 
	ended_at VARCHAR(27), 
	PRIMARY KEY (id), 
	FOREIGN KEY(batch_id) REFERENCES batch (id), 
	FOREIGN KEY(owner_id) REFERENCES owner (id), 
	FOREIGN KEY(parent_chain_id) REFERENCES chain (id), 
	FOREIGN KEY(project_id) REFERENCES project (id), 
	FOREIGN KEY(prompt_id) REFERENCES prompt (id), 
	FOREIGN KEY(settings_version_id) REFERENCES settings_version (id), 
	UNIQUE (ulid)
);
INSERT INTO "chain" VALUES(1,'01M87205NV2X9HXK0H7DV0QY2E',1,1,NULL,1,'refine','waiting',NULL,2088305217,0,NULL,NULL,NULL,NULL,NULL,0,0,NULL,NULL,NULL,NULL,'2026-11-24T15:15:13.723969Z',NULL,NULL);
INSERT INTO "chain" VALUES(2,'01M87205NW1C3XZ8JWFYQZ35GH',1,2,NULL,1,'refine','waiting',NULL,236828582,0,NULL,4,NULL,NULL,NULL,0,0,NULL,NULL,NULL,NULL,'2026-11-24T15:15:13.724625Z',NULL,NULL);
INSERT INTO "chain" VALUES(3,'01M87205NW1C3XZ8JWFYQZ35GJ',1,3,NULL,1,'refine','ended','stopped',1264010101,0,NULL,NULL,NULL,NULL,'2026-11-24T15:15:13.760705Z',0,0,NULL,NULL,NULL,NULL,'2026-11-24T15:15:13.724669Z',NULL,'2026-11-24T15:15:13.761407Z');
CREATE TABLE check_result (
	id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	passed BOOLEAN NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(candidate_id) REFERENCES candidate (id), 
	UNIQUE (candidate_id, name)
);
INSERT INTO "check_result" VALUES(1,1,'size',1,'');
INSERT INTO "check_result" VALUES(2,2,'size',1,'');
INSERT INTO "check_result" VALUES(3,3,'size',1,'');
INSERT INTO "check_result" VALUES(4,4,'size',1,'');
INSERT INTO "check_result" VALUES(5,5,'size',1,'');
INSERT INTO "check_result" VALUES(6,6,'size',1,'');
INSERT INTO "check_result" VALUES(7,7,'size',1,'');
CREATE TABLE consent (
	id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	project_id INTEGER NOT NULL, 
	version VARCHAR(64) NOT NULL, 
	accepted_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	FOREIGN KEY(project_id) REFERENCES project (id), 
	UNIQUE (labeler_id, project_id, version)
);
CREATE TABLE control (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	round_id INTEGER NOT NULL, 
	original_id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	operator VARCHAR(64) NOT NULL, 
	channel VARCHAR(32) NOT NULL, 
	severity FLOAT NOT NULL, 
	record JSON NOT NULL, 
	retired_at VARCHAR(27), 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(round_id) REFERENCES round (id), 
	FOREIGN KEY(original_id) REFERENCES candidate (id), 
	FOREIGN KEY(candidate_id) REFERENCES candidate (id), 
	UNIQUE (candidate_id), 
	UNIQUE (ulid)
);
CREATE TABLE critique (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	ranking_id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	words_id INTEGER NOT NULL, 
	anchor JSON, 
	made_by VARCHAR(16) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, aim VARCHAR(16), category VARCHAR(16), severity VARCHAR(16), snapshot_id INTEGER REFERENCES blob (id), crop_id INTEGER REFERENCES blob (id), 
	PRIMARY KEY (id), 
	FOREIGN KEY(candidate_id) REFERENCES candidate (id), 
	FOREIGN KEY(ranking_id) REFERENCES ranking (id), 
	FOREIGN KEY(round_id) REFERENCES round (id), 
	FOREIGN KEY(words_id) REFERENCES words (id), 
	UNIQUE (ulid)
);
INSERT INTO "critique" VALUES(1,'01M87205PK8GEJKM3P25SMVD65',1,2,3,1,'null','person','2026-11-24T15:15:13.748083Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "critique" VALUES(2,'01M87205PN5QTF7JTK38F3BSFZ',2,2,3,2,'null','person','2026-11-24T15:15:13.749860Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "critique" VALUES(3,'01M87205PZBVC30TFQF1NXBZHF',3,4,7,3,'null','person','2026-11-24T15:15:13.759628Z',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE dispute (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	assignment_id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	words_id INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	resolved_at VARCHAR(27), 
	resolution VARCHAR(16), 
	PRIMARY KEY (id), 
	FOREIGN KEY(assignment_id) REFERENCES assignment (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	FOREIGN KEY(words_id) REFERENCES words (id), 
	UNIQUE (assignment_id), 
	UNIQUE (ulid)
);
CREATE TABLE draft (
	assignment_id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	payload TEXT NOT NULL, 
	saved_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (assignment_id), 
	FOREIGN KEY(assignment_id) REFERENCES assignment (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id)
);
CREATE TABLE edit (
	id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	issues JSON NOT NULL, 
	filename TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	how VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	start INTEGER NOT NULL, 
	"end" INTEGER NOT NULL, 
	search_sha256 VARCHAR(64), 
	replace_sha256 VARCHAR(64), 
	PRIMARY KEY (id), 
	FOREIGN KEY(candidate_id) REFERENCES candidate (id), 
	UNIQUE (candidate_id, position)
);
INSERT INTO "edit" VALUES(1,7,0,'["i1"]','index.html','applied','exact','',-1,-1,'3837b152fefc450dfc1b6784a77dc2945f355e340985714fbeaf4fc2d38dfad0','eeb78a41df080d3e66171b267585ec425dfb6ab431a39f9ec080c8cfa62aad29');
CREATE TABLE event (
	id INTEGER NOT NULL, 
	chain_id INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	type VARCHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	refs JSON NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(chain_id) REFERENCES chain (id), 
	UNIQUE (chain_id, seq)
);
INSERT INTO "event" VALUES(1,1,1,'chain_created',0,'{"prompt":"p1","settings_version":1}','2026-11-24T15:15:13.724541Z');
INSERT INTO "event" VALUES(2,2,1,'chain_created',0,'{"prompt":"p2","settings_version":1}','2026-11-24T15:15:13.724647Z');
INSERT INTO "event" VALUES(3,3,1,'chain_created',0,'{"prompt":"p3","settings_version":1}','2026-11-24T15:15:13.724683Z');
INSERT INTO "event" VALUES(4,1,2,'model_called',1,'{"call":"01M87205NY256WXGQ6Z30BD9JY","step":"draft","slot":0,"state":"ok"}','2026-11-24T15:15:13.727799Z');
INSERT INTO "event" VALUES(5,1,3,'candidate_made',1,'{"candidate":"01M87205NZAH2J58VNZTYYNXJN","kind":"draft","slot":0,"how":"draft"}','2026-11-24T15:15:13.729217Z');
INSERT INTO "event" VALUES(6,1,4,'model_called',1,'{"call":"01M87205P178MBPP105YP50VS2","step":"draft","slot":1,"state":"ok"}','2026-11-24T15:15:13.729437Z');
INSERT INTO "event" VALUES(7,1,5,'candidate_made',1,'{"candidate":"01M87205P178MBPP105YP50VS3","kind":"draft","slot":1,"how":"draft"}','2026-11-24T15:15:13.729581Z');
INSERT INTO "event" VALUES(8,1,6,'round_opened',1,'{"round_id":"01M87205P6FKZPRA493V4N0PXG","kind":"normal","candidates":2,"wanted":2}','2026-11-24T15:15:13.737431Z');
INSERT INTO "event" VALUES(9,2,2,'model_called',1,'{"call":"01M87205P94N0JW7PM7AA2Y94F","step":"draft","slot":0,"state":"ok"}','2026-11-24T15:15:13.737629Z');
INSERT INTO "event" VALUES(10,2,3,'candidate_made',1,'{"candidate":"01M87205P94N0JW7PM7AA2Y94G","kind":"draft","slot":0,"how":"draft"}','2026-11-24T15:15:13.737784Z');
INSERT INTO "event" VALUES(11,2,4,'model_called',1,'{"call":"01M87205P94N0JW7PM7AA2Y94H","step":"draft","slot":1,"state":"ok"}','2026-11-24T15:15:13.737890Z');
INSERT INTO "event" VALUES(12,2,5,'candidate_made',1,'{"candidate":"01M87205P94N0JW7PM7AA2Y94J","kind":"draft","slot":1,"how":"draft"}','2026-11-24T15:15:13.737986Z');
INSERT INTO "event" VALUES(13,2,6,'round_opened',1,'{"round_id":"01M87205PA766DGQW631WJE7QM","kind":"normal","candidates":2,"wanted":2}','2026-11-24T15:15:13.738574Z');
INSERT INTO "event" VALUES(14,3,2,'model_called',1,'{"call":"01M87205PA766DGQW631WJE7QN","step":"draft","slot":0,"state":"ok"}','2026-11-24T15:15:13.738684Z');
INSERT INTO "event" VALUES(15,3,3,'candidate_made',1,'{"candidate":"01M87205PA766DGQW631WJE7QP","kind":"draft","slot":0,"how":"draft"}','2026-11-24T15:15:13.738795Z');
INSERT INTO "event" VALUES(16,3,4,'model_called',1,'{"call":"01M87205PA766DGQW631WJE7QQ","step":"draft","slot":1,"state":"ok"}','2026-11-24T15:15:13.738887Z');
INSERT INTO "event" VALUES(17,3,5,'candidate_made',1,'{"candidate":"01M87205PA766DGQW631WJE7QR","kind":"draft","slot":1,"how":"draft"}','2026-11-24T15:15:13.738972Z');
INSERT INTO "event" VALUES(18,3,6,'round_opened',1,'{"round_id":"01M87205PB7QF636J3GVF3RR50","kind":"normal","candidates":2,"wanted":2}','2026-11-24T15:15:13.739453Z');
INSERT INTO "event" VALUES(19,2,7,'ranking_received',1,'{"ranking":"01M87205PJE7EBD75SRCKRKD41","labeler":"01M87205PE8VBSBPX8SSF72AN1","critiques":1,"kind":"normal"}','2026-11-24T15:15:13.749042Z');
INSERT INTO "event" VALUES(20,2,8,'ranking_received',1,'{"ranking":"01M87205PN5QTF7JTK38F3BSFY","labeler":"01M87205PN5QTF7JTK38F3BSFW","critiques":1,"kind":"normal"}','2026-11-24T15:15:13.750195Z');
INSERT INTO "event" VALUES(21,2,9,'round_full',1,'{"kind":"normal"}','2026-11-24T15:15:13.750214Z');
INSERT INTO "event" VALUES(22,2,10,'verdict',1,'{"winner":"01M87205P94N0JW7PM7AA2Y94J","incumbent":null,"rankings":2}','2026-11-24T15:15:13.752443Z');
INSERT INTO "event" VALUES(23,2,11,'model_called',1,'{"call":"01M87205PT6TMPFJMJ8MYV77CC","step":"distil","slot":0,"state":"ok"}','2026-11-24T15:15:13.754147Z');
INSERT INTO "event" VALUES(24,2,12,'plan_made',1,'{"plan":"01M87205PT6TMPFJMJ8MYV77CD","issues":1,"made_by":"distiller"}','2026-11-24T15:15:13.754602Z');
INSERT INTO "event" VALUES(25,2,13,'candidate_made',2,'{"candidate":"01M87205PV2QR25A7WPP0RZX19","kind":"revision","slot":0,"how":"blocks"}','2026-11-24T15:15:13.757639Z');
INSERT INTO "event" VALUES(26,2,14,'round_opened',2,'{"round_id":"01M87205PYB1KA489NDJYRHEVK","kind":"normal","candidates":2,"wanted":2}','2026-11-24T15:15:13.758803Z');
INSERT INTO "event" VALUES(27,2,15,'ranking_received',2,'{"ranking":"01M87205PZBVC30TFQF1NXBZHE","labeler":"01M87205PE8VBSBPX8SSF72AN1","critiques":1,"kind":"normal"}','2026-11-24T15:15:13.759685Z');
INSERT INTO "event" VALUES(28,3,7,'chain_stopped',1,'{"reason":"stopped"}','2026-11-24T15:15:13.762098Z');
CREATE TABLE held (
	assignment_id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	place_until VARCHAR(27), 
	beat_at VARCHAR(27), 
	beat_key VARCHAR(64), 
	PRIMARY KEY (assignment_id), 
	FOREIGN KEY(assignment_id) REFERENCES assignment (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	FOREIGN KEY(round_id) REFERENCES round (id)
);
INSERT INTO "held" VALUES(4,3,4,'2026-11-24T16:15:13.759997Z',NULL,NULL);
INSERT INTO "held" VALUES(5,3,1,'2026-11-24T16:15:13.760277Z',NULL,NULL);
CREATE TABLE labeler (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	consent_version VARCHAR(64), 
	uses_allowed JSON, 
	pay_rate_usd_hour FLOAT, 
	disabled_at VARCHAR(27), 
	erased_at VARCHAR(27), 
	created_at VARCHAR(27) NOT NULL, last_seen_at VARCHAR(27), weight FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	UNIQUE (ulid)
);
INSERT INTO "labeler" VALUES(1,'01M87205PE8VBSBPX8SSF72AN1','ann','person',NULL,NULL,NULL,NULL,NULL,'2026-11-24T15:15:13.742357Z',NULL,NULL);
INSERT INTO "labeler" VALUES(2,'01M87205PN5QTF7JTK38F3BSFW','erased-01M87205PN5QTF7JTK38F3BSFW','person',NULL,NULL,NULL,'2026-11-24T15:15:13.762949Z','2026-11-24T15:15:13.762949Z','2026-11-24T15:15:13.749367Z',NULL,NULL);
INSERT INTO "labeler" VALUES(3,'01M87205PZBVC30TFQF1NXBZHH','cem','person',NULL,NULL,NULL,NULL,NULL,'2026-11-24T15:15:13.759940Z',NULL,NULL);
CREATE TABLE labeler_decision (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	action VARCHAR(16) NOT NULL, 
	weight FLOAT, 
	reason TEXT NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	UNIQUE (ulid)
);
CREATE TABLE labeler_key (
	id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	revoked_at VARCHAR(27), 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	UNIQUE (sha256)
);
CREATE TABLE labeler_link (
	id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	used_at VARCHAR(27), 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	UNIQUE (sha256)
);
CREATE TABLE labeler_project (
	id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	project_id INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	FOREIGN KEY(project_id) REFERENCES project (id), 
	UNIQUE (labeler_id, project_id)
);
CREATE TABLE labeler_session (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	revoked_at VARCHAR(27), 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	UNIQUE (sha256), 
	UNIQUE (ulid)
);
CREATE TABLE model_call (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	chain_id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	step VARCHAR(16) NOT NULL, 
	slot INTEGER NOT NULL, 
	turn INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	template VARCHAR(64) NOT NULL, 
	model TEXT NOT NULL, 
	model_returned TEXT, 
	provider TEXT, 
	params JSON NOT NULL, 
	seed INTEGER NOT NULL, 
	messages JSON NOT NULL, 
	messages_sha256 VARCHAR(64) NOT NULL, 
	reply JSON, 
	reply_sha256 VARCHAR(64), 
	reasoning JSON, 
	reasoning_sha256 VARCHAR(64), 
	reasoning_kind VARCHAR(16) NOT NULL, 
	finish_reason VARCHAR(64), 
	prompt_tokens INTEGER, 
	completion_tokens INTEGER, 
	reasoning_tokens INTEGER, 
	cached_tokens INTEGER, 
	cost_usd FLOAT, 
	latency_ms FLOAT, 
	retries INTEGER NOT NULL, 
	errors JSON NOT NULL, 
	is_cached BOOLEAN NOT NULL, 
	is_copied BOOLEAN NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(chain_id) REFERENCES chain (id), 
	UNIQUE (chain_id, round, step, slot, turn, attempt), 
	UNIQUE (ulid)
);
INSERT INTO "model_call" VALUES(1,'01M87205NY256WXGQ6Z30BD9JY',1,1,'draft',0,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"c86139f3d5e3b3e8a28131d621f24587b24f9248c15af39e510b527c395f5a07"}]','8a39b428b5098e60c4d706f90fccff8272768af97dc6959b9c5d06024be0bd73','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T15:15:13.726149Z');
INSERT INTO "model_call" VALUES(2,'01M87205P178MBPP105YP50VS2',1,1,'draft',1,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"214953883ae947fbf137c4a4af23f9476d75627014a37f4d1961a6ff813796f3"}]','040178aedce400d4da1d05f7d5a939c252828a0696a18d80ea3be76b95dcbd30','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T15:15:13.729398Z');
INSERT INTO "model_call" VALUES(3,'01M87205P94N0JW7PM7AA2Y94F',2,1,'draft',0,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"c86139f3d5e3b3e8a28131d621f24587b24f9248c15af39e510b527c395f5a07"}]','8a39b428b5098e60c4d706f90fccff8272768af97dc6959b9c5d06024be0bd73','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T15:15:13.737587Z');
INSERT INTO "model_call" VALUES(4,'01M87205P94N0JW7PM7AA2Y94H',2,1,'draft',1,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"214953883ae947fbf137c4a4af23f9476d75627014a37f4d1961a6ff813796f3"}]','040178aedce400d4da1d05f7d5a939c252828a0696a18d80ea3be76b95dcbd30','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T15:15:13.737859Z');
INSERT INTO "model_call" VALUES(5,'01M87205PA766DGQW631WJE7QN',3,1,'draft',0,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"c86139f3d5e3b3e8a28131d621f24587b24f9248c15af39e510b527c395f5a07"}]','8a39b428b5098e60c4d706f90fccff8272768af97dc6959b9c5d06024be0bd73','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T15:15:13.738654Z');
INSERT INTO "model_call" VALUES(6,'01M87205PA766DGQW631WJE7QQ',3,1,'draft',1,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"214953883ae947fbf137c4a4af23f9476d75627014a37f4d1961a6ff813796f3"}]','040178aedce400d4da1d05f7d5a939c252828a0696a18d80ea3be76b95dcbd30','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T15:15:13.738858Z');
INSERT INTO "model_call" VALUES(7,'01M87205PT6TMPFJMJ8MYV77CC',2,1,'distil',0,0,0,'ok','distil@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Critiques:\n"},{"c":"01M87205PK8GEJKM3P25SMVD65","s":0,"e":31}]]]','8d64c8bfcfb71b16a3e4eed836ab9615967e428ae2e446bd0b2aae989b916feb','[{"t":"{}"}]','299f39691ef3341ff564879bf44b78a42585aeebf2084d2e76bfeb8ab6773f78','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T15:15:13.754091Z');
CREATE TABLE owner (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	pid INTEGER NOT NULL, 
	lock_file TEXT NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	seen_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (ulid)
);
CREATE TABLE picture (
	id INTEGER NOT NULL, 
	content_sha256 VARCHAR(64) NOT NULL, 
	"view" VARCHAR(16) NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	media_type VARCHAR(32) NOT NULL, 
	blob_id INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(blob_id) REFERENCES blob (id), 
	UNIQUE (content_sha256, "view")
);
CREATE TABLE "plan" (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	round_id INTEGER NOT NULL, 
	parent_candidate_id INTEGER NOT NULL, 
	call_id INTEGER, 
	made_by VARCHAR(16) NOT NULL, 
	"plan" JSON NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(call_id) REFERENCES model_call (id), 
	FOREIGN KEY(parent_candidate_id) REFERENCES candidate (id), 
	FOREIGN KEY(round_id) REFERENCES round (id), 
	UNIQUE (round_id), 
	UNIQUE (ulid)
);
INSERT INTO "plan" VALUES(1,'01M87205PT6TMPFJMJ8MYV77CD',2,4,7,'distiller','{"version":1,"made_by":"distiller","issues":[{"id":"i1","kind":"look","target":"#go","claim":null,"severity":0.5,"support":1.0,"opposition":0.0,"span":{"critique":"01M87205PK8GEJKM3P25SMVD65","start":0,"end":31},"cites":[{"critique":"01M87205PK8GEJKM3P25SMVD65","start":0,"end":31}]}],"keep":[],"conflicts":[],"rejected":[]}','a486b620220151fec7a3619508387add020f0a370c8869dd551a86095bd04876','2026-11-24T15:15:13.754206Z');
CREATE TABLE project (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	priority INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	UNIQUE (ulid)
);
INSERT INTO "project" VALUES(1,'01M87205NP7YJ693TSK68SV1YG','moon',0,'2026-11-24T15:15:13.718790Z');
CREATE TABLE prompt (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	project_id INTEGER NOT NULL, 
	batch_id INTEGER, 
	"key" VARCHAR(255) NOT NULL, 
	text TEXT NOT NULL, 
	text_sha256 VARCHAR(64) NOT NULL, 
	licence TEXT, 
	source TEXT, 
	details JSON NOT NULL, 
	position INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(batch_id) REFERENCES batch (id), 
	FOREIGN KEY(project_id) REFERENCES project (id), 
	UNIQUE (project_id, "key"), 
	UNIQUE (ulid)
);
INSERT INTO "prompt" VALUES(1,'01M87205NT88V2HAQKRZ3CGD24',1,NULL,'p1','Explain the phases of the moon (p1)','9dddb75cde0aeb1b91a685a68987f18adf0e8a39c38ffd3c6cfe465eaddeaf53',NULL,NULL,'{}',0,'2026-11-24T15:15:13.722945Z');
INSERT INTO "prompt" VALUES(2,'01M87205NV2X9HXK0H7DV0QY2C',1,NULL,'p2','Explain the phases of the moon (p2)','a6309b7972410c6777b4cb14e98c7d68c042f3da2cd53e9a43972df501763476',NULL,NULL,'{}',1,'2026-11-24T15:15:13.722945Z');
INSERT INTO "prompt" VALUES(3,'01M87205NV2X9HXK0H7DV0QY2D',1,NULL,'p3','Explain the phases of the moon (p3)','f8b13922860a64eda6bfe7e0823f90d9a1df6de13bab073861f84f9c37496d38',NULL,NULL,'{}',2,'2026-11-24T15:15:13.722945Z');
CREATE TABLE queue (
	round_id INTEGER NOT NULL, 
	chain_id INTEGER NOT NULL, 
	project_id INTEGER NOT NULL, 
	phase INTEGER NOT NULL, 
	urgency_rank BIGINT NOT NULL, 
	due BIGINT NOT NULL, 
	rounds_left INTEGER NOT NULL, 
	priority_rank FLOAT NOT NULL, 
	places INTEGER NOT NULL, 
	is_held BOOLEAN NOT NULL, 
	PRIMARY KEY (round_id), 
	FOREIGN KEY(chain_id) REFERENCES chain (id), 
	FOREIGN KEY(project_id) REFERENCES project (id), 
	FOREIGN KEY(round_id) REFERENCES round (id)
);
INSERT INTO "queue" VALUES(1,1,1,1,0,253402300799,2,0.0,1,0);
INSERT INTO "queue" VALUES(4,2,1,3,0,253402300799,1,0.0,0,0);
CREATE TABLE ranking (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	assignment_id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	groups JSON NOT NULL, 
	unjudgeable JSON NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	made_by VARCHAR(16) NOT NULL, 
	settings_version_id INTEGER NOT NULL, 
	consent_version VARCHAR(64), 
	uses_allowed JSON NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(assignment_id) REFERENCES assignment (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	FOREIGN KEY(round_id) REFERENCES round (id), 
	FOREIGN KEY(settings_version_id) REFERENCES settings_version (id), 
	UNIQUE (assignment_id), 
	UNIQUE ("key"), 
	UNIQUE (ulid)
);
INSERT INTO "ranking" VALUES(1,'01M87205PJE7EBD75SRCKRKD41',1,2,1,'[[4],[3]]','[]','2-1-ann','person',1,NULL,'["research"]','2026-11-24T15:15:13.746964Z');
INSERT INTO "ranking" VALUES(2,'01M87205PN5QTF7JTK38F3BSFY',2,2,2,'[[4],[3]]','[]','2-1-ben','person',1,NULL,'["research"]','2026-11-24T15:15:13.749797Z');
INSERT INTO "ranking" VALUES(3,'01M87205PZBVC30TFQF1NXBZHE',3,4,1,'[[4],[7]]','[]','2-2-ann','person',1,NULL,'["research"]','2026-11-24T15:15:13.759537Z');
CREATE TABLE ranking_detail (
	id INTEGER NOT NULL, 
	ranking_id INTEGER NOT NULL, 
	why_words_id INTEGER, 
	reasons JSON NOT NULL, 
	criteria JSON NOT NULL, 
	follow_ups JSON NOT NULL, tried JSON, 
	PRIMARY KEY (id), 
	FOREIGN KEY(ranking_id) REFERENCES ranking (id), 
	FOREIGN KEY(why_words_id) REFERENCES words (id), 
	UNIQUE (ranking_id)
);
CREATE TABLE ranking_history (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	ranking_id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	record JSON NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	superseded_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	FOREIGN KEY(ranking_id) REFERENCES ranking (id), 
	UNIQUE ("key"), 
	UNIQUE (ulid)
);
CREATE TABLE reliability_snapshot (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	project_id INTEGER, 
	rankings INTEGER NOT NULL, 
	comparisons INTEGER NOT NULL, 
	seed INTEGER NOT NULL, 
	method VARCHAR(64) NOT NULL, 
	population JSON NOT NULL, 
	labelers JSON NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project_id) REFERENCES project (id), 
	UNIQUE (ulid)
);
CREATE TABLE repair (
	id INTEGER NOT NULL, 
	chain_id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	slot INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	content_sha256 VARCHAR(64) NOT NULL, 
	findings JSON NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(chain_id) REFERENCES chain (id), 
	UNIQUE (chain_id, round, slot, attempt)
);
CREATE TABLE report (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	assignment_id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	content_sha256 VARCHAR(64) NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	words_id INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	resolved_at VARCHAR(27), 
	resolution VARCHAR(16), 
	PRIMARY KEY (id), 
	FOREIGN KEY(assignment_id) REFERENCES assignment (id), 
	FOREIGN KEY(candidate_id) REFERENCES candidate (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	FOREIGN KEY(words_id) REFERENCES words (id), 
	UNIQUE (assignment_id, candidate_id), 
	UNIQUE (ulid)
);
CREATE TABLE round (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	chain_id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	number INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	wanted INTEGER NOT NULL, 
	received INTEGER NOT NULL, 
	priority FLOAT NOT NULL, 
	settings_version_id INTEGER NOT NULL, 
	opened_at VARCHAR(27) NOT NULL, 
	filled_at VARCHAR(27), 
	judged_at VARCHAR(27), 
	PRIMARY KEY (id), 
	FOREIGN KEY(chain_id) REFERENCES chain (id), 
	FOREIGN KEY(settings_version_id) REFERENCES settings_version (id), 
	UNIQUE (chain_id, kind, number), 
	UNIQUE (ulid)
);
INSERT INTO "round" VALUES(1,'01M87205P6FKZPRA493V4N0PXG',1,'normal',1,'open',2,0,0.0,1,'2026-11-24T15:15:13.734547Z',NULL,NULL);
INSERT INTO "round" VALUES(2,'01M87205PA766DGQW631WJE7QM',2,'normal',1,'judged',2,2,0.0,1,'2026-11-24T15:15:13.738495Z','2026-11-24T15:15:13.749797Z','2026-11-24T15:15:13.751123Z');
INSERT INTO "round" VALUES(3,'01M87205PB7QF636J3GVF3RR50',3,'normal',1,'closed',2,0,0.0,1,'2026-11-24T15:15:13.739382Z',NULL,NULL);
INSERT INTO "round" VALUES(4,'01M87205PYB1KA489NDJYRHEVK',2,'normal',2,'open',2,1,0.0,1,'2026-11-24T15:15:13.758706Z',NULL,NULL);
CREATE TABLE round_candidate (
	id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	is_incumbent BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(candidate_id) REFERENCES candidate (id), 
	FOREIGN KEY(round_id) REFERENCES round (id), 
	UNIQUE (round_id, candidate_id), 
	UNIQUE (round_id, position)
);
INSERT INTO "round_candidate" VALUES(1,1,1,1,0);
INSERT INTO "round_candidate" VALUES(2,1,2,2,0);
INSERT INTO "round_candidate" VALUES(3,2,3,1,0);
INSERT INTO "round_candidate" VALUES(4,2,4,2,0);
INSERT INTO "round_candidate" VALUES(5,3,5,1,0);
INSERT INTO "round_candidate" VALUES(6,3,6,2,0);
INSERT INTO "round_candidate" VALUES(7,4,7,1,0);
INSERT INTO "round_candidate" VALUES(8,4,4,2,1);
CREATE TABLE settings_version (
	id INTEGER NOT NULL, 
	project_id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	scope VARCHAR(16) NOT NULL, 
	settings JSON NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project_id) REFERENCES project (id), 
	UNIQUE (project_id, version)
);
INSERT INTO "settings_version" VALUES(1,1,1,'project','{"kind":"refine","instructions":"Which page explains it best?","criteria":[],"expected_minutes":null,"terms":"","panel":"people","mix":{"labelers":24,"careless_share":0.2,"hostile_share":0.1,"held_out_share":0.0},"model":"demo/scripted","distil_model":null,"temperature":null,"max_tokens":null,"candidates":4,"revisions":2,"rounds":3,"rankings_per_round":2,"rankings_at_least":null,"max_rankings":null,"budget_usd":null,"deadline":null,"plateau_rounds":2,"gate":0.6,"browser_checks":null,"control_share":null,"weigh_labelers":null,"audit_share":0.05,"pay_rate_usd_hour":null,"uses_allowed":["research"],"max_candidate_bytes":1000000,"lease_s":3600,"seed":0}','2026-11-24T15:15:13.721920Z');
CREATE TABLE verdict (
	id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	winner_id INTEGER NOT NULL, 
	incumbent_id INTEGER, 
	verdict JSON NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(incumbent_id) REFERENCES candidate (id), 
	FOREIGN KEY(round_id) REFERENCES round (id), 
	FOREIGN KEY(winner_id) REFERENCES candidate (id), 
	UNIQUE (round_id)
);
INSERT INTO "verdict" VALUES(1,2,4,NULL,'{"winner":"01M87205P94N0JW7PM7AA2Y94J","incumbent":null,"ratings":[{"candidate":"01M87205P94N0JW7PM7AA2Y94G","mean":0.0,"sd":1.0,"p_best":0.5,"p_beats_incumbent":null},{"candidate":"01M87205P94N0JW7PM7AA2Y94J","mean":0.0,"sd":1.0,"p_best":0.5,"p_beats_incumbent":null}],"threshold":0.6,"comparisons":2,"rankings":2,"method":"bradley_terry_map","seed":1,"details":{}}','2026-11-24T15:15:13.751123Z');
CREATE TABLE words (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	text TEXT, 
	salt VARCHAR(32), 
	sha256 VARCHAR(64) NOT NULL, 
	erased_at VARCHAR(27), 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	UNIQUE (ulid)
);
INSERT INTO "words" VALUES(1,'01M87205PK8GEJKM3P25SMVD66',1,'The button is too pale to read.','3b7efab255c61273b0dc3287a4c795e6','0da31b9c0b7f101c867502c5e4e108782c89bce349029df5ece80e3cb28284b8',NULL);
INSERT INTO "words" VALUES(2,'01M87205PN5QTF7JTK38F3BSG0',2,NULL,NULL,'bd4a84ab78e5c86d3bd4bfafee758b69f712aa49139fd318da76ab947b6e6818','2026-11-24T15:15:13.762949Z');
INSERT INTO "words" VALUES(3,'01M87205PZBVC30TFQF1NXBZHG',1,'Now I can read it.','4757cc1bfc42fa273f399b751ba1a2f3','1c2b56b031c3deb18897aff4cfb8d0bfe254c55a0f9b5cf9259cba1e4323f4ce',NULL);
CREATE TABLE write_key (
	id INTEGER NOT NULL, 
	labeler_id INTEGER NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	what VARCHAR(64) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	UNIQUE ("key")
);
CREATE INDEX ix_blob_base_id ON blob (base_id);
CREATE INDEX ix_words_labeler_id ON words (labeler_id);
CREATE INDEX ix_batch_project_id ON batch (project_id);
CREATE INDEX ix_prompt_batch_id ON prompt (batch_id);
CREATE INDEX ix_chain_batch ON chain (batch_id);
CREATE INDEX ix_chain_owner ON chain (owner_id);
CREATE INDEX ix_chain_parent_chain_id ON chain (parent_chain_id);
CREATE INDEX ix_chain_project_state ON chain (project_id, state);
CREATE INDEX ix_chain_prompt ON chain (prompt_id);
CREATE INDEX ix_round_state ON round (state, priority);
CREATE INDEX ix_assignment_labeler ON assignment (labeler_id);
CREATE INDEX ix_candidate_call ON candidate (call_id);
CREATE INDEX ix_candidate_parent ON candidate (parent_id);
CREATE INDEX ix_candidate_plan_id ON candidate (plan_id);
CREATE INDEX ix_candidate_sha ON candidate (content_sha256);
CREATE INDEX ix_candidate_file_blob_id ON candidate_file (blob_id);
CREATE INDEX ix_plan_call_id ON "plan" (call_id);
CREATE INDEX ix_plan_parent_candidate_id ON "plan" (parent_candidate_id);
CREATE INDEX ix_ranking_labeler ON ranking (labeler_id);
CREATE INDEX ix_ranking_round ON ranking (round_id);
CREATE INDEX ix_round_candidate_candidate ON round_candidate (candidate_id);
CREATE INDEX ix_verdict_incumbent_id ON verdict (incumbent_id);
CREATE INDEX ix_verdict_winner_id ON verdict (winner_id);
CREATE INDEX ix_critique_candidate ON critique (candidate_id);
CREATE INDEX ix_critique_ranking ON critique (ranking_id);
CREATE INDEX ix_critique_round ON critique (round_id);
CREATE INDEX ix_critique_words_id ON critique (words_id);
CREATE INDEX ix_reliability_snapshot_project_id ON reliability_snapshot (project_id);
CREATE INDEX ix_labeler_key_labeler_id ON labeler_key (labeler_id);
CREATE INDEX ix_labeler_link_labeler_id ON labeler_link (labeler_id);
CREATE INDEX ix_labeler_session_labeler_id ON labeler_session (labeler_id);
CREATE INDEX ix_write_key_labeler_id ON write_key (labeler_id);
CREATE INDEX ix_queue_chain ON queue (chain_id);
CREATE INDEX ix_queue_order ON queue (phase, urgency_rank, due, rounds_left, priority_rank, round_id);
CREATE INDEX ix_queue_project_order ON queue (project_id, phase, urgency_rank, due, rounds_left, priority_rank, round_id);
CREATE INDEX ix_candidate_author_candidate_id ON candidate_author (candidate_id);
CREATE INDEX ix_draft_labeler_id ON draft (labeler_id);
CREATE INDEX ix_held_labeler ON held (labeler_id);
CREATE INDEX ix_held_place ON held (place_until);
CREATE INDEX ix_held_round_id ON held (round_id);
CREATE INDEX ix_report_candidate_id ON report (candidate_id);
CREATE INDEX ix_report_content_sha256 ON report (content_sha256);
CREATE INDEX ix_report_labeler_id ON report (labeler_id);
CREATE INDEX ix_report_words_id ON report (words_id);
CREATE INDEX ix_ranking_detail_why_words_id ON ranking_detail (why_words_id);
CREATE INDEX ix_ranking_history_labeler_id ON ranking_history (labeler_id);
CREATE INDEX ix_ranking_history_ranking_id ON ranking_history (ranking_id);
CREATE INDEX ix_control_original_id ON control (original_id);
CREATE INDEX ix_control_round ON control (round_id);
CREATE INDEX ix_assignment_control_id ON assignment (control_id);
CREATE INDEX ix_picture_blob_id ON picture (blob_id);
CREATE INDEX ix_dispute_labeler_id ON dispute (labeler_id);
CREATE INDEX ix_dispute_words_id ON dispute (words_id);
CREATE INDEX ix_labeler_decision_labeler_id ON labeler_decision (labeler_id);
CREATE INDEX ix_critique_snapshot_id ON critique (snapshot_id);
CREATE INDEX ix_critique_crop_id ON critique (crop_id);
COMMIT;
CREATE VIRTUAL TABLE prompt_text USING fts5(text, content='prompt', content_rowid='id', tokenize='trigram');
CREATE TRIGGER prompt_text_insert AFTER INSERT ON prompt BEGIN INSERT INTO prompt_text (rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER prompt_text_delete AFTER DELETE ON prompt BEGIN INSERT INTO prompt_text (prompt_text, rowid, text) VALUES ('delete', old.id, old.text); END;
CREATE TRIGGER prompt_text_update AFTER UPDATE OF text ON prompt BEGIN INSERT INTO prompt_text (prompt_text, rowid, text) VALUES ('delete', old.id, old.text); INSERT INTO prompt_text (rowid, text) VALUES (new.id, new.text); END;
INSERT INTO prompt_text (prompt_text) VALUES ('rebuild');
