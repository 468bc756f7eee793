PRAGMA application_id=1382377070;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
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
	cost_usd FLOAT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(labeler_id) REFERENCES labeler (id), 
	FOREIGN KEY(round_id) REFERENCES round (id), 
	UNIQUE (round_id, labeler_id), 
	UNIQUE (ulid)
);
INSERT INTO "assignment" VALUES(1,'01M864WEPRQKW5CFZSQ9YN0TCG',2,1,'finished','[3,4]','2026-11-24T06:46:23.192752Z','2026-11-24T07:46:23.192752Z','2026-11-24T06:46:23.254998Z',40.0,NULL,NULL);
INSERT INTO "assignment" VALUES(2,'01M864WERTJNQVMXFMVSXX9RAM',2,2,'finished','[4,3]','2026-11-24T06:46:23.258430Z','2026-11-24T07:46:23.258430Z','2026-11-24T06:46:23.259157Z',40.0,NULL,NULL);
INSERT INTO "assignment" VALUES(3,'01M864WES7JYTQTH2B4X8BGJPA',4,1,'finished','[7,4]','2026-11-24T06:46:23.271751Z','2026-11-24T07:46:23.271751Z','2026-11-24T06:46:23.272270Z',40.0,NULL,NULL);
INSERT INTO "assignment" VALUES(4,'01M864WES8VZMDNG6MEMCEP5KW',4,3,'leased','[7,4]','2026-11-24T06:46:23.272853Z','2026-11-24T07:46:23.272853Z',NULL,NULL,NULL,NULL);
INSERT INTO "assignment" VALUES(5,'01M864WES9C39S5XZCCHN5SWM9',1,3,'leased','[1,2]','2026-11-24T06:46:23.273204Z','2026-11-24T07:46:23.273204Z',NULL,NULL,NULL,NULL);
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
INSERT INTO "blob" VALUES(1,'c86139f3d5e3b3e8a28131d621f24587b24f9248c15af39e510b527c395f5a07',778,'zstd',NULL,X'28B52FFD600A02450F00861F5F2500515507E0487D8144935B8BA20AC3FFB5F6531EDDA3FA463F47FA7F8181B451553545040F5200540055000A0A0177E89413FA759EDD95C53BFE4C4B0DEE708CE89BFE4C22DD5A50F9D53B968CD39B1434CFC9AF5B705A286EA5D5B535AD6E7D12759E53C2ADECD8CDC1B78C9749227EF24D71726AE94B590D4D08D0023CE7F495FA93790A17919A6B4AD39AA66C5008D7A384DC893842F8A83FCB93EF14748DF2D7216FB4923942E4CE72C4CA3336F52046E9F8B34141200777A48651E3D7EBCBE007BDF702EE40AE268D2EA067F14721CD3B55D084CA03B9E42B5D539142B5B9A6F5C64E3836A3AA79115256749BBE0AE35D697C88B2691A3BE1A26C8EC9AA298E6A1AC3B4EACF7EF46883634C52EB93D0A9E69AE69875519904C6E62252D320956EC609028A93534B4DD3F803676797BC799B27436F6C330B630F3A1B5AB91516DD0AE3D71786B89A28CFD2F167D17814FE49B8C097C8071ED79DE4CBE304EC028A12620FBABC5D6344F3663840F898E50121AC85950EBD11132B281024C8266F1038086B34CC01CD88D91FA67DA14A2C84102A00BFAF2D7F1E66A5EFCE013F25D18D598777C3DF9B3F6A143668BFC3E560D80E39FB4E6FFAC2041A327C51FF3386C50486846D6E0DA395AD0BDBADD0B2A6816A804011A307E2B58FD81E34F59A6009');
INSERT INTO "blob" VALUES(2,'0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969',432,'zstd',NULL,X'28B52FFD60B000ED01002403596F75207772697465206F6E6520696E7465726163746976652070616720612073696E676C652048544D4C2066696C652E200200EFB25216ADD309');
INSERT INTO "blob" VALUES(3,'214953883ae947fbf137c4a4af23f9476d75627014a37f4d1961a6ff813796f3',778,'zstd',NULL,X'28B52FFD600A02450F00861F5F2500515507E0487D8144935B8BA20AC3FFB5F6531EDDA3FA463F47FA7F8181B451553545040F5200540055000A0A0177E89413FA759EDD95C53BFE4C4B0DEE708CE89BFE4C22DD5A50F9D53B968CD39B1434CFC9AF5B705A286EA5D5B535AD6E7D12759E53C2ADECD8CDC1B78C9749227EF24D71726AE94B590D4D08D0023CE7F495FA93790A17919A6B4AD39AA66C5008D7A384DC893842F8A83FCB93EF14748DF2D7216FB4923942E4CE72C4CA3336F52046E9F8B34141200777A48651E3D7EBCBE007BDF702EE40AE268D2EA067F14721CD3B55D084CA03B9E42B5D539142B5B9A6F5C64E3836A3AA79115256749BBE0AE35D697C88B2691A3BE1A26C8EC9AA298E6A1AC3B4EACF7EF46883634C52EB93D0A9E69AE69875519904C6E62252D322956EC609028A93534B4DD3F803676797BC799B27436F6C330B630F3A1B5AB91516DD0AE3D71786B89A28CFD2F167D17814FE49B8C097C8071ED79DE4CBE304EC028A12620FBABC5D6344F3663840F898E50121AC85950EBD11132B281024C8266F1038086B34CC01CD88D91FA67DA14A2C84102A00BFAF2D7F1E66A5EFCE013F25D18D598777C3DF9B3F6A143668BFC3E560D80E39FB4E6FFAC2041A327C51FF3386C50486846D6E0DA395AD0BDBADD0B2A6816A804011A307E2B58FD81E34F59A6009');
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
INSERT INTO "candidate" VALUES(1,'01M864WEP8N4KM2HDWHMQCH7AN',1,1,0,'draft','ok',NULL,NULL,1,NULL,'demo/scripted','program','5d801ac053ccd0364cfb830ece27f1d8a5588c5bb91e929a1e55b90a93a75f4e',778,'draft',NULL,'2026-11-24T06:46:23.176289Z');
INSERT INTO "candidate" VALUES(2,'01M864WEP9X6NTX27SRJ53QMMH',1,1,1,'draft','ok',NULL,NULL,2,NULL,'demo/scripted','program','4f8d4aa31788a8b358c444b8b57837d2907278a6e2cce4badc5d2d9922d5fb5a',778,'draft',NULL,'2026-11-24T06:46:23.177929Z');
INSERT INTO "candidate" VALUES(3,'01M864WEPHZG8P9P7VW0PHW68W',2,1,0,'draft','ok',NULL,NULL,3,NULL,'demo/scripted','program','5d801ac053ccd0364cfb830ece27f1d8a5588c5bb91e929a1e55b90a93a75f4e',778,'draft',NULL,'2026-11-24T06:46:23.185438Z');
INSERT INTO "candidate" VALUES(4,'01M864WEPHZG8P9P7VW0PHW68Y',2,1,1,'draft','ok',NULL,NULL,4,NULL,'demo/scripted','program','4f8d4aa31788a8b358c444b8b57837d2907278a6e2cce4badc5d2d9922d5fb5a',778,'draft',NULL,'2026-11-24T06:46:23.185719Z');
INSERT INTO "candidate" VALUES(5,'01M864WEPJRVWHBM5WMG1ACZGS',3,1,0,'draft','ok',NULL,NULL,5,NULL,'demo/scripted','program','5d801ac053ccd0364cfb830ece27f1d8a5588c5bb91e929a1e55b90a93a75f4e',778,'draft',NULL,'2026-11-24T06:46:23.186775Z');
INSERT INTO "candidate" VALUES(6,'01M864WEPJRVWHBM5WMG1ACZGV',3,1,1,'draft','ok',NULL,NULL,6,NULL,'demo/scripted','program','4f8d4aa31788a8b358c444b8b57837d2907278a6e2cce4badc5d2d9922d5fb5a',778,'draft',NULL,'2026-11-24T06:46:23.187004Z');
INSERT INTO "candidate" VALUES(7,'01M864WES2YW3M0J3HBSQVZCAD',2,2,0,'revision','ok',4,1,7,NULL,'demo/scripted','program','325ddd77d0ee80c354f74aeff4dcafef7216cc520015e1a792e37a5dea224c50',778,'blocks',NULL,'2026-11-24T06:46:23.266603Z');
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
INSERT INTO "candidate_file" VALUES(1,1,0,'index.html',1);
INSERT INTO "candidate_file" VALUES(2,2,0,'index.html',3);
INSERT INTO "candidate_file" VALUES(3,3,0,'index.html',1);
INSERT INTO "candidate_file" VALUES(4,4,0,'index.html',3);
INSERT INTO "candidate_file" VALUES(5,5,0,'index.html',1);
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
INSERT INTO "chain" VALUES(1,'01M864WEP27EDRC38Z8KDYVJ44',1,1,NULL,1,'refine','waiting',NULL,2088305217,0,NULL,NULL,NULL,NULL,NULL,0,0,NULL,NULL,NULL,NULL,'2026-11-24T06:46:23.170083Z',NULL,NULL);
INSERT INTO "chain" VALUES(2,'01M864WEP3260ZZ557BK2HT0NF',1,2,NULL,1,'refine','waiting',NULL,236828582,0,NULL,4,NULL,NULL,NULL,0,0,NULL,NULL,NULL,NULL,'2026-11-24T06:46:23.171383Z',NULL,NULL);
INSERT INTO "chain" VALUES(3,'01M864WEP3260ZZ557BK2HT0NG',1,3,NULL,1,'refine','ended','stopped',1264010101,0,NULL,NULL,NULL,NULL,'2026-11-24T06:46:23.273780Z',0,0,NULL,NULL,NULL,NULL,'2026-11-24T06:46:23.171821Z',NULL,'2026-11-24T06:46:23.274622Z');
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
CREATE TABLE critique (
	id INTEGER NOT NULL, 
	ulid VARCHAR(26) NOT NULL, 
	ranking_id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	words_id INTEGER NOT NULL, 
	anchor JSON, 
	made_by VARCHAR(16) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(candidate_id) REFERENCES candidate (id), 
	FOREIGN KEY(ranking_id) REFERENCES ranking (id), 
	FOREIGN KEY(round_id) REFERENCES round (id), 
	FOREIGN KEY(words_id) REFERENCES words (id), 
	UNIQUE (ulid)
);
INSERT INTO "critique" VALUES(1,'01M864WERRHRN530KZNHCG4YAS',1,2,3,1,'null','person','2026-11-24T06:46:23.256589Z');
INSERT INTO "critique" VALUES(2,'01M864WERV0ZEH6KDAR51GV7PC',2,2,3,2,'null','person','2026-11-24T06:46:23.259275Z');
INSERT INTO "critique" VALUES(3,'01M864WES8VZMDNG6MEMCEP5KT',3,4,7,3,'null','person','2026-11-24T06:46:23.272382Z');
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
INSERT INTO "event" VALUES(1,1,1,'chain_created',0,'{"prompt":"p1","settings_version":1}','2026-11-24T06:46:23.171247Z');
INSERT INTO "event" VALUES(2,2,1,'chain_created',0,'{"prompt":"p2","settings_version":1}','2026-11-24T06:46:23.171758Z');
INSERT INTO "event" VALUES(3,3,1,'chain_created',0,'{"prompt":"p3","settings_version":1}','2026-11-24T06:46:23.172100Z');
INSERT INTO "event" VALUES(4,1,2,'model_called',1,'{"call":"01M864WEP6ZJW55YZKBDFTN3YD","step":"draft","slot":0,"state":"ok"}','2026-11-24T06:46:23.175761Z');
INSERT INTO "event" VALUES(5,1,3,'candidate_made',1,'{"candidate":"01M864WEP8N4KM2HDWHMQCH7AN","kind":"draft","slot":0,"how":"draft"}','2026-11-24T06:46:23.177544Z');
INSERT INTO "event" VALUES(6,1,4,'model_called',1,'{"call":"01M864WEP9X6NTX27SRJ53QMMG","step":"draft","slot":1,"state":"ok"}','2026-11-24T06:46:23.177850Z');
INSERT INTO "event" VALUES(7,1,5,'candidate_made',1,'{"candidate":"01M864WEP9X6NTX27SRJ53QMMH","kind":"draft","slot":1,"how":"draft"}','2026-11-24T06:46:23.177977Z');
INSERT INTO "event" VALUES(8,1,6,'round_opened',1,'{"round_id":"01M864WEPF5PQ4A35T974RBQR2","kind":"normal","candidates":2,"wanted":2}','2026-11-24T06:46:23.185033Z');
INSERT INTO "event" VALUES(9,2,2,'model_called',1,'{"call":"01M864WEPHZG8P9P7VW0PHW68V","step":"draft","slot":0,"state":"ok"}','2026-11-24T06:46:23.185334Z');
INSERT INTO "event" VALUES(10,2,3,'candidate_made',1,'{"candidate":"01M864WEPHZG8P9P7VW0PHW68W","kind":"draft","slot":0,"how":"draft"}','2026-11-24T06:46:23.185504Z');
INSERT INTO "event" VALUES(11,2,4,'model_called',1,'{"call":"01M864WEPHZG8P9P7VW0PHW68X","step":"draft","slot":1,"state":"ok"}','2026-11-24T06:46:23.185658Z');
INSERT INTO "event" VALUES(12,2,5,'candidate_made',1,'{"candidate":"01M864WEPHZG8P9P7VW0PHW68Y","kind":"draft","slot":1,"how":"draft"}','2026-11-24T06:46:23.185763Z');
INSERT INTO "event" VALUES(13,2,6,'round_opened',1,'{"round_id":"01M864WEPJRVWHBM5WMG1ACZGQ","kind":"normal","candidates":2,"wanted":2}','2026-11-24T06:46:23.186550Z');
INSERT INTO "event" VALUES(14,3,2,'model_called',1,'{"call":"01M864WEPJRVWHBM5WMG1ACZGR","step":"draft","slot":0,"state":"ok"}','2026-11-24T06:46:23.186706Z');
INSERT INTO "event" VALUES(15,3,3,'candidate_made',1,'{"candidate":"01M864WEPJRVWHBM5WMG1ACZGS","kind":"draft","slot":0,"how":"draft"}','2026-11-24T06:46:23.186820Z');
INSERT INTO "event" VALUES(16,3,4,'model_called',1,'{"call":"01M864WEPJRVWHBM5WMG1ACZGT","step":"draft","slot":1,"state":"ok"}','2026-11-24T06:46:23.186948Z');
INSERT INTO "event" VALUES(17,3,5,'candidate_made',1,'{"candidate":"01M864WEPJRVWHBM5WMG1ACZGV","kind":"draft","slot":1,"how":"draft"}','2026-11-24T06:46:23.187046Z');
INSERT INTO "event" VALUES(18,3,6,'round_opened',1,'{"round_id":"01M864WEPKZP9DS9MY1EDSAJG4","kind":"normal","candidates":2,"wanted":2}','2026-11-24T06:46:23.187677Z');
INSERT INTO "event" VALUES(19,2,7,'ranking_received',1,'{"ranking":"01M864WERQNNFHC88PR1RXDA45","labeler":"01M864WEPPVCDADESNR7GXCH4G","critiques":1,"kind":"normal"}','2026-11-24T06:46:23.257666Z');
INSERT INTO "event" VALUES(20,2,8,'ranking_received',1,'{"ranking":"01M864WERV0ZEH6KDAR51GV7PA","labeler":"01M864WERTJNQVMXFMVSXX9RAK","critiques":1,"kind":"normal"}','2026-11-24T06:46:23.259670Z');
INSERT INTO "event" VALUES(21,2,9,'round_full',1,'{"kind":"normal"}','2026-11-24T06:46:23.259706Z');
INSERT INTO "event" VALUES(22,2,10,'verdict',1,'{"winner":"01M864WEPHZG8P9P7VW0PHW68Y","incumbent":null,"rankings":2}','2026-11-24T06:46:23.262656Z');
INSERT INTO "event" VALUES(23,2,11,'model_called',1,'{"call":"01M864WES00J91TJDZHZ1QNX38","step":"distil","slot":0,"state":"ok"}','2026-11-24T06:46:23.264952Z');
INSERT INTO "event" VALUES(24,2,12,'plan_made',1,'{"plan":"01M864WES1EJ5107QR0MENX766","issues":1,"made_by":"distiller"}','2026-11-24T06:46:23.266047Z');
INSERT INTO "event" VALUES(25,2,13,'candidate_made',2,'{"candidate":"01M864WES2YW3M0J3HBSQVZCAD","kind":"revision","slot":0,"how":"blocks"}','2026-11-24T06:46:23.269511Z');
INSERT INTO "event" VALUES(26,2,14,'round_opened',2,'{"round_id":"01M864WES7JYTQTH2B4X8BGJP9","kind":"normal","candidates":2,"wanted":2}','2026-11-24T06:46:23.271201Z');
INSERT INTO "event" VALUES(27,2,15,'ranking_received',2,'{"ranking":"01M864WES8VZMDNG6MEMCEP5KR","labeler":"01M864WEPPVCDADESNR7GXCH4G","critiques":1,"kind":"normal"}','2026-11-24T06:46:23.272439Z');
INSERT INTO "event" VALUES(28,3,7,'chain_stopped',1,'{"reason":"stopped"}','2026-11-24T06:46:23.276156Z');
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
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	UNIQUE (ulid)
);
INSERT INTO "labeler" VALUES(1,'01M864WEPPVCDADESNR7GXCH4G','ann','person',NULL,NULL,NULL,NULL,NULL,'2026-11-24T06:46:23.190533Z');
INSERT INTO "labeler" VALUES(2,'01M864WERTJNQVMXFMVSXX9RAK','erased-01M864WERTJNQVMXFMVSXX9RAK','person',NULL,NULL,NULL,'2026-11-24T06:46:23.277071Z','2026-11-24T06:46:23.277071Z','2026-11-24T06:46:23.258304Z');
INSERT INTO "labeler" VALUES(3,'01M864WES8VZMDNG6MEMCEP5KV','cem','person',NULL,NULL,NULL,NULL,NULL,'2026-11-24T06:46:23.272759Z');
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
INSERT INTO "model_call" VALUES(1,'01M864WEP6ZJW55YZKBDFTN3YD',1,1,'draft',0,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"c86139f3d5e3b3e8a28131d621f24587b24f9248c15af39e510b527c395f5a07"}]','8a39b428b5098e60c4d706f90fccff8272768af97dc6959b9c5d06024be0bd73','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T06:46:23.174196Z');
INSERT INTO "model_call" VALUES(2,'01M864WEP9X6NTX27SRJ53QMMG',1,1,'draft',1,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"214953883ae947fbf137c4a4af23f9476d75627014a37f4d1961a6ff813796f3"}]','040178aedce400d4da1d05f7d5a939c252828a0696a18d80ea3be76b95dcbd30','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T06:46:23.177802Z');
INSERT INTO "model_call" VALUES(3,'01M864WEPHZG8P9P7VW0PHW68V',2,1,'draft',0,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"c86139f3d5e3b3e8a28131d621f24587b24f9248c15af39e510b527c395f5a07"}]','8a39b428b5098e60c4d706f90fccff8272768af97dc6959b9c5d06024be0bd73','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T06:46:23.185274Z');
INSERT INTO "model_call" VALUES(4,'01M864WEPHZG8P9P7VW0PHW68X',2,1,'draft',1,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"214953883ae947fbf137c4a4af23f9476d75627014a37f4d1961a6ff813796f3"}]','040178aedce400d4da1d05f7d5a939c252828a0696a18d80ea3be76b95dcbd30','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T06:46:23.185618Z');
INSERT INTO "model_call" VALUES(5,'01M864WEPJRVWHBM5WMG1ACZGR',3,1,'draft',0,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"c86139f3d5e3b3e8a28131d621f24587b24f9248c15af39e510b527c395f5a07"}]','8a39b428b5098e60c4d706f90fccff8272768af97dc6959b9c5d06024be0bd73','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T06:46:23.186666Z');
INSERT INTO "model_call" VALUES(6,'01M864WEPJRVWHBM5WMG1ACZGT',3,1,'draft',1,0,0,'ok','draft@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Explain the phases of the moon."}]]]','1ac1a5a7086d75faa8504251a87d517ab2581eb4a5644cb86972372a08d158c0','[{"b":"214953883ae947fbf137c4a4af23f9476d75627014a37f4d1961a6ff813796f3"}]','040178aedce400d4da1d05f7d5a939c252828a0696a18d80ea3be76b95dcbd30','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T06:46:23.186913Z');
INSERT INTO "model_call" VALUES(7,'01M864WES00J91TJDZHZ1QNX38',2,1,'distil',0,0,0,'ok','distil@1','demo/scripted','demo/scripted','demo','{"temperature":null,"max_tokens":null}',7,'[["system",[{"b":"0683ebfda42838bde395e7f543e35710f334bbc9b32d8da0d20ebead16921969"}]],["user",[{"t":"Critiques:\n"},{"c":"01M864WERRHRN530KZNHCG4YAS","s":0,"e":31}]]]','d4eecaeaf247823a5bea8df4dbdbc48921785037a8861c7bb3c6ce3d5f6a7d5d','[{"t":"{}"}]','299f39691ef3341ff564879bf44b78a42585aeebf2084d2e76bfeb8ab6773f78','null',NULL,'absent','stop',NULL,NULL,NULL,NULL,NULL,0.0,0,'[]',0,0,'2026-11-24T06:46:23.264876Z');
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
INSERT INTO "plan" VALUES(1,'01M864WES1EJ5107QR0MENX766',2,4,7,'distiller','{"version":1,"made_by":"distiller","issues":[{"id":"i1","kind":"look","target":"#go","claim":null,"severity":0.5,"support":1.0,"opposition":0.0,"span":{"critique":"01M864WERRHRN530KZNHCG4YAS","start":0,"end":31},"cites":[{"critique":"01M864WERRHRN530KZNHCG4YAS","start":0,"end":31}]}],"keep":[],"conflicts":[],"rejected":[]}','2342953875d5a6483f900e6ae71e8deb21457c6d20c9eb9f695c96e0a9c76295','2026-11-24T06:46:23.265589Z');
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
INSERT INTO "project" VALUES(1,'01M864WENXBP9ZWA9S2BRA08FF','moon',0,'2026-11-24T06:46:23.165400Z');
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
INSERT INTO "prompt" VALUES(1,'01M864WEP0TA8Y531TB2NKHWVP',1,NULL,'p1','Explain the phases of the moon (p1)','9dddb75cde0aeb1b91a685a68987f18adf0e8a39c38ffd3c6cfe465eaddeaf53',NULL,NULL,'{}',0,'2026-11-24T06:46:23.168376Z');
INSERT INTO "prompt" VALUES(2,'01M864WEP1AGTM83B5XQ61C5WS',1,NULL,'p2','Explain the phases of the moon (p2)','a6309b7972410c6777b4cb14e98c7d68c042f3da2cd53e9a43972df501763476',NULL,NULL,'{}',1,'2026-11-24T06:46:23.168376Z');
INSERT INTO "prompt" VALUES(3,'01M864WEP1AGTM83B5XQ61C5WT',1,NULL,'p3','Explain the phases of the moon (p3)','f8b13922860a64eda6bfe7e0823f90d9a1df6de13bab073861f84f9c37496d38',NULL,NULL,'{}',2,'2026-11-24T06:46:23.168376Z');
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
INSERT INTO "ranking" VALUES(1,'01M864WERQNNFHC88PR1RXDA45',1,2,1,'[[4],[3]]','[]','2-1-ann','person',1,NULL,'["research"]','2026-11-24T06:46:23.254998Z');
INSERT INTO "ranking" VALUES(2,'01M864WERV0ZEH6KDAR51GV7PA',2,2,2,'[[4],[3]]','[]','2-1-ben','person',1,NULL,'["research"]','2026-11-24T06:46:23.259157Z');
INSERT INTO "ranking" VALUES(3,'01M864WES8VZMDNG6MEMCEP5KR',3,4,1,'[[4],[7]]','[]','2-2-ann','person',1,NULL,'["research"]','2026-11-24T06:46:23.272270Z');
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
INSERT INTO "round" VALUES(1,'01M864WEPF5PQ4A35T974RBQR2',1,'normal',1,'open',2,0,0.0,1,'2026-11-24T06:46:23.183897Z',NULL,NULL);
INSERT INTO "round" VALUES(2,'01M864WEPJRVWHBM5WMG1ACZGQ',2,'normal',1,'judged',2,2,0.0,1,'2026-11-24T06:46:23.186495Z','2026-11-24T06:46:23.259157Z','2026-11-24T06:46:23.262194Z');
INSERT INTO "round" VALUES(3,'01M864WEPKZP9DS9MY1EDSAJG4',3,'normal',1,'closed',2,0,0.0,1,'2026-11-24T06:46:23.187623Z',NULL,NULL);
INSERT INTO "round" VALUES(4,'01M864WES7JYTQTH2B4X8BGJP9',2,'normal',2,'open',2,1,0.0,1,'2026-11-24T06:46:23.271127Z',NULL,NULL);
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
INSERT INTO "settings_version" VALUES(1,1,1,'project','{"kind":"refine","instructions":"Which page explains it best?","panel":"people","mix":{"labelers":24,"careless_share":0.2,"hostile_share":0.1,"held_out_share":0.0},"model":"demo/scripted","distil_model":null,"temperature":null,"max_tokens":null,"candidates":4,"revisions":2,"rounds":3,"rankings_per_round":2,"max_rankings":null,"budget_usd":null,"deadline":null,"plateau_rounds":2,"gate":0.6,"audit_share":0.05,"pay_rate_usd_hour":null,"uses_allowed":["research"],"max_candidate_bytes":1000000,"lease_s":3600,"seed":0}','2026-11-24T06:46:23.166832Z');
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
INSERT INTO "verdict" VALUES(1,2,4,NULL,'{"winner":"01M864WEPHZG8P9P7VW0PHW68Y","incumbent":null,"ratings":[{"candidate":"01M864WEPHZG8P9P7VW0PHW68W","mean":0.0,"sd":1.0,"p_best":0.5,"p_beats_incumbent":null},{"candidate":"01M864WEPHZG8P9P7VW0PHW68Y","mean":0.0,"sd":1.0,"p_best":0.5,"p_beats_incumbent":null}],"threshold":0.6,"comparisons":2,"rankings":2,"method":"bradley_terry_map","seed":1,"details":{}}','2026-11-24T06:46:23.261517Z');
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
INSERT INTO "words" VALUES(1,'01M864WERRHRN530KZNHCG4YAR',1,'The button is too pale to read.','0b23e03b277563ecde9ff8700937e2d9','98af64f2ba22e881d99939aac8f0b390abda3f9e91e0564e23c555e0ffa0e92b',NULL);
INSERT INTO "words" VALUES(2,'01M864WERV0ZEH6KDAR51GV7PB',2,NULL,NULL,'40141506dacae286840dd5af55b7aca198b0ac3cc1aaf075c35093e06feef5df','2026-11-24T06:46:23.277071Z');
INSERT INTO "words" VALUES(3,'01M864WES8VZMDNG6MEMCEP5KS',1,'Now I can read it.','0eba0fabc54a0651ab85629c04ba3a2c','41b27a3a766d25cd095895eab5482962d3713bad7adadb0d157a890dd61dff80',NULL);
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
COMMIT;
