function Counter({ title }) {
  const [count, setCount] = React.useState(0);
  return (
    <div className="card">
      <h2>Counting the visitors</h2>
      <img src="door.png" alt="The front door" />
      <button aria-label="One visitor more" onClick={() => setCount(count + 1)}>One more</button>
      {count > 3 ? <p>Quite a crowd today</p> : null}
    </div>
  );
}
